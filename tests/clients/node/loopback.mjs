// Preloaded (node --import): a connection beyond loopback fails, whoever asks for it. fetch connects through here too.
import net from "node:net";

const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...given) {
  const [options] = Array.isArray(given[0]) ? given[0] : given;
  const host = typeof options === "object" ? (options.path ? "" : (options.host ?? "localhost")) : "unknown";
  if (!["", "localhost", "127.0.0.1", "::1"].includes(host)) throw new Error(`a test tried to reach ${host}: tests use loopback only`);
  return connect.apply(this, given);
};
