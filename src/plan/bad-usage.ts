/** What the user asked for cannot be done as it was asked. Its message is for him. */
export class BadUsage extends Error {}
