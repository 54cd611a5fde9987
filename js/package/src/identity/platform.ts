// Which cryptography there is here.
import type { CryptoProvider } from "./crypto.js";
import { webCrypto } from "./web-crypto.js";

/** The provider of the platform: WebCrypto, or where pages may not use it (plain HTTP), a library that is loaded for it. */
export async function platformCrypto(): Promise<CryptoProvider> {
  const subtle: unknown = Reflect.get(globalThis.crypto, "subtle");
  if (subtle !== undefined) return webCrypto();
  const { nobleCrypto } = await import("./noble.js");
  return nobleCrypto((into) => void crypto.getRandomValues(into as Uint8Array<ArrayBuffer>));
}
