// Suites for those who write a transport of their own.
export { transportSuite, type SuiteCase, type TransportPair } from "./transport-suite.js";
