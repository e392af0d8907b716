/** Shared by the session and the app that it deploys. */
export const STACK_NAME = 'Demo';
