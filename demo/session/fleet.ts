/** What both the session and the app that it deploys have to know. */
export const STACK_NAME = 'Demo';
