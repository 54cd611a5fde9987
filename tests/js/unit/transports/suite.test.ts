// Every transport does what a transport does.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { cleanup } from "node-datachannel";
import { RTCPeerConnection } from "node-datachannel/polyfill";
import { WebSocket, WebSocketServer } from "ws";
import type { Bytes } from "../../../../js/package/src/bytes.js";
import { BBError } from "../../../../js/package/src/errors.js";
import { platformHost } from "../../../../js/package/src/host.js";
import { startHub } from "../../../../js/package/src/hub/index.js";
import { randomPeerId } from "../../../../js/package/src/peer-id.js";
import { transportSuite, type TransportPair } from "../../../../js/package/src/testing/index.js";
import { broadcastTransport } from "../../../../js/package/src/transports/broadcast.js";
import { hubTransport } from "../../../../js/package/src/transports/hub.js";
import { MemoryNetwork, memoryTransport } from "../../../../js/package/src/transports/memory.js";
import { messagePortTransport, type PortLike } from "../../../../js/package/src/transports/message-port.js";
import type {
  Abort, DialTarget, LinkCode, LinkId, LinkInfo, Transport, TransportContext, TransportEvent, TransportStats,
} from "../../../../js/package/src/transports/transport.js";
import type { WebSocketConstructor, WebSocketLike } from "../../../../js/package/src/transports/web-socket.js";
import { webRtcTransport, type RtcImplementation } from "../../../../js/package/src/transports/webrtc.js";
import { webSocketTransport } from "../../../../js/package/src/transports/websocket.js";

const host = platformHost();
const webSocket = WebSocket as unknown as WebSocketConstructor;
let rooms = 0;

function pair(left: Transport, right: Transport, close: () => void | Promise<void> = () => undefined): TransportPair {
  const id = () => randomPeerId((into) => host.random(into));
  return { transports: [left, right], peerIds: [id(), id()], host, close };
}

const makers: Record<string, () => TransportPair | Promise<TransportPair>> = {
  memory: () => {
    const network = new MemoryNetwork({ capacity: 100_000 });
    return pair(memoryTransport(network), memoryTransport(network));
  },
  "message-port": () => {
    const { port1, port2 } = new MessageChannel();
    return pair(messagePortTransport({ ports: [port1 as unknown as PortLike] }), messagePortTransport({ ports: [port2 as unknown as PortLike] }));
  },
  broadcast: () => {
    const room = `suite ${++rooms}`;
    return pair(broadcastTransport({ room }), broadcastTransport({ room }));
  },
  hub: async () => {
    const hub = await startHub({ port: 0 });
    const member = () => hubTransport({ url: hub.url, room: "suite", webSocket });
    return pair(member(), member(), () => hub.close());
  },
  websocket: async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    const right = webSocketTransport();
    server.on("connection", (socket) => right.accept(socket as unknown as WebSocketLike));
    const left = webSocketTransport({ urls: [`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`], webSocket, backoff: { firstMs: 20 } });
    return pair(left, right, () => {
      for (const client of server.clients) client.terminate();
      server.close();
    });
  },
};

/** The other transport's `start` and `close` go with a hub's of its own: what a peer does with the two of them. */
class WithHub implements Transport {
  readonly kind = "webrtc";
  readonly #hub: ReturnType<typeof hubTransport>;
  readonly #direct: Transport;

  constructor(url: string) {
    this.#hub = hubTransport({ url, room: "suite", webSocket });
    this.#direct = webRtcTransport({ signaller: this.#hub, rtc: { RTCPeerConnection: RTCPeerConnection as unknown as RtcImplementation["RTCPeerConnection"] } });
  }

  async start(context: TransportContext): Promise<void> {
    await this.#direct.start(context);
    await this.#hub.start(context).catch((error: unknown) => {
      if (!(error instanceof BBError && error.code === "already_started")) throw error;
    });
  }

  async close(link?: LinkId, code?: LinkCode): Promise<void> {
    await this.#direct.close(link, code);
    if (link === undefined) await this.#hub.close();
  }

  connect(target: DialTarget, options?: Abort): Promise<LinkId> {
    return this.#direct.connect(target, options);
  }

  links(): LinkInfo[] {
    return this.#direct.links();
  }

  send(link: LinkId, parts: readonly Bytes[]): "sent" | "full" | "closed" {
    return this.#direct.send(link, parts);
  }

  on(f: (event: TransportEvent) => void): () => void {
    return this.#direct.on(f);
  }

  stats(): TransportStats {
    return this.#direct.stats();
  }
}

makers["webrtc"] = async () => {
  const hub = await startHub({ port: 0 });
  return pair(new WithHub(hub.url), new WithHub(hub.url), () => hub.close());
};

after(() => cleanup());

for (const [name, make] of Object.entries(makers)) {
  for (const { name: rule, run } of transportSuite(make)) test(`${name}: ${rule}`, { timeout: 60_000 }, run);
}
