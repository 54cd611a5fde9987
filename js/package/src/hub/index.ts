// The hub: `startHub` for Node.js, `HubCore` for any other surroundings.
export { HubCore, type HubFigures } from "./core.js";
export { hubErrors, hubVersion, type HubErrorName, type HubLimits, type HubMessage, type Member } from "./messages.js";
export { hubPortDefault, startHub, type RunningHub, type StartHubOptions } from "./node.js";
export type { HubConnection, HubOptions, HubSession, HubSettings } from "./options.js";
