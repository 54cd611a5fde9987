// How a slot's config reaches the installer.
import type { Bytes } from "../bytes.js";
import { BBError } from "../errors.js";
import { halves, type Bridge } from "./bridge.js";
import type { InstallerHandle } from "./glue.js";

/** Writes each entry by its type. Throws `config_type_mismatch`. Call it in a scope of the bridge. */
export function writeConfig(bridge: Bridge, installer: InstallerHandle, slot: string, config: unknown): void {
  if (typeof config !== "object" || config === null) throw new BBError("config_type_mismatch", `the config of slot ${slot} is no object`);
  const item = (value: unknown, name: string): Bytes => {
    if (value instanceof Uint8Array) return value;
    if (typeof value === "string" || typeof value === "number") return new TextEncoder().encode(String(value));
    throw new BBError("config_type_mismatch", `${slot}.${name} holds something that is neither bytes, a text nor a number`);
  };
  for (const [name, value] of Object.entries(config)) {
    if (value === undefined) continue;
    if (typeof value === "number") installer.configNumber(slot, name, value);
    else if (typeof value === "bigint") installer.configInteger(slot, name, ...halves(value));
    else if (typeof value === "boolean") installer.configFlag(slot, name, value);
    else if (typeof value === "string") installer.configText(slot, name, value);
    else if (value instanceof Uint8Array) installer.configBytes(slot, name, bridge.put(value), value.length);
    else if (Array.isArray(value)) {
      for (const entry of value) {
        const bytes = item(entry, name);
        installer.configItem(slot, name, bridge.put(bytes), bytes.length);
      }
    } else throw new BBError("config_type_mismatch", `${slot}.${name} is neither a number, a text, bytes, true or false, nor a list of them`);
  }
}
