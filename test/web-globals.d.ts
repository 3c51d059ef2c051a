import type { webcrypto } from "node:crypto";

// Names of the web platform that code shared with the Worker uses as types and Node.js has only as values.
declare global {
  interface CryptoKey extends webcrypto.CryptoKey {}
}
