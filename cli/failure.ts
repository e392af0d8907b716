/** What a person did not cause by wrong usage, and can do something about: shown as its sentence, without a stack. */
export class Failure extends Error {}
