// Every transport does what a transport does.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { platformHost } from "../../../../js/package/src/host.js";
import { startHub } from "../../../../js/package/src/hub/index.js";
import { randomPeerId } from "../../../../js/package/src/peer-id.js";
import { transportSuite, type TransportPair } from "../../../../js/package/src/testing/index.js";
import { broadcastTransport } from "../../../../js/package/src/transports/broadcast.js";
import { hubTransport } from "../../../../js/package/src/transports/hub.js";
import { MemoryNetwork, memoryTransport } from "../../../../js/package/src/transports/memory.js";
import { messagePortTransport, type PortLike } from "../../../../js/package/src/transports/message-port.js";
import type { Transport } from "../../../../js/package/src/transports/transport.js";
import type { WebSocketConstructor, WebSocketLike } from "../../../../js/package/src/transports/web-socket.js";
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

for (const [name, make] of Object.entries(makers)) {
  for (const { name: rule, run } of transportSuite(make)) test(`${name}: ${rule}`, { timeout: 60_000 }, run);
}
