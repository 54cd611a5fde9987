// Peers in one process on a virtual clock: nothing moves unless a test says so.
import { manualDriver, type ManualDriver } from "../../../js/package/src/drivers/index.js";
import type { ManualHost } from "../../../js/package/src/host.js";
import { Peer, type PeerEvent, type PeerOptions } from "../../../js/package/src/peer.js";
import { MemoryNetwork, memoryTransport } from "../../../js/package/src/transports/memory.js";
import { identityOf, testHost } from "./identities.js";

/** A peer with what drives it and what it said. */
export interface TestPeer {
  readonly peer: Peer;
  readonly driver: ManualDriver;
  readonly said: PeerEvent[];
  of<K extends PeerEvent["kind"]>(kind: K): Extract<PeerEvent, { kind: K }>["event"][];
}

const kinds: readonly PeerEvent["kind"][] = ["event", "failed", "link", "link-down", "refused", "dropped", "timeout", "undeliverable", "suspended", "step", "error"];

/** Several peers on one network and one clock. */
export class World {
  readonly host: ManualHost = testHost();
  readonly network: MemoryNetwork;
  readonly peers: TestPeer[] = [];

  constructor(options: ConstructorParameters<typeof MemoryNetwork>[0] = {}) {
    this.network = new MemoryNetwork({ manual: true, ...options });
  }

  /** A started peer. */
  async add(number: number, options: Omit<PeerOptions, "identity" | "host" | "driver">): Promise<TestPeer> {
    const driver = manualDriver();
    const peer = await Peer.create({
      transports: [memoryTransport(this.network)], seed: BigInt(number), ...options, identity: await identityOf(number), host: this.host, driver,
    });
    const said: PeerEvent[] = [];
    for (const kind of kinds) peer.on(kind, (event) => said.push({ kind, event } as PeerEvent));
    const added: TestPeer = {
      peer, driver, said, of: (kind) => said.filter((entry) => entry.kind === kind).map((entry) => entry.event) as never,
    };
    this.peers.push(added);
    await peer.start();
    return added;
  }

  /** Delivers and polls, in the order of the peers, until nothing moves any more. */
  async settle(): Promise<void> {
    for (let idle = 0; idle < 2;) {
      const moved = this.network.deliver() > 0;
      const woken = this.peers.map(({ driver }) => driver.woken).some(Boolean);
      for (const { driver } of this.peers) if (driver.woken) driver.settle();
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      idle = moved || woken ? 0 : idle + 1;
    }
  }

  async close(): Promise<void> {
    for (const { peer } of this.peers) await peer.stop();
  }
}
