/** The lanes that a group may have at most: by default, and whatever a fleet allows. They keep the group's item small. */
export const DEFAULT_MAX_LANES = 100;
export const MOST_LANES = 200;

/** How long the worker of a job of a group may exit with 75 while it keeps its lane. */
export const DEFAULT_NOT_NOW_SECONDS = 1800;

/** How many named commands a fleet may have, and their names. */
export const MOST_COMMANDS = 20;
export const COMMAND_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
