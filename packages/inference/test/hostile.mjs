// What code would try that has taken over an engine's process. Says on standard output what worked and what was refused, and how.
import { execFileSync } from "node:child_process";
import dgram from "node:dgram";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import inspector from "node:inspector";
import { connect } from "node:net";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

const { key, model, folder, port, parent } = JSON.parse(process.argv[2]);
const outcomes = {};

async function attempt(name, deed) {
	try {
		outcomes[name] = `worked: ${String(await deed()).slice(0, 80)}`;
	} catch (error) {
		outcomes[name] = `refused: ${error.code ?? error.message}`;
	}
}

const tcp = (host, to) =>
	new Promise((resolve, reject) => {
		const socket = connect(to, host, () => {
			socket.destroy();
			resolve("connected");
		});
		socket.on("error", reject);
		setTimeout(() => reject(Object.assign(new Error("silence"), { code: "ETIMEDOUT" })), 3_000).unref();
	});

await attempt("read the model", () => readFileSync(model, "utf8"));
await attempt("read the node's key", () => readFileSync(key, "utf8"));
await attempt("list the data folder", () => readdirSync(folder));
await attempt("read the list of users", () => readFileSync("/etc/passwd", "utf8").length);
await attempt("read the parent's environment", () => readFileSync(`/proc/${parent}/environ`, "utf8").length);
await attempt("read the parent's memory", () => readFileSync(`/proc/${parent}/maps`, "utf8").length);
await attempt("write beside the model", () => writeFileSync(join(folder, "planted"), "x"));
await attempt("write to the temporary folder", () => writeFileSync(`/tmp/freehold-hostile-${process.pid}`, "x"));
await attempt("start a program", () => execFileSync("/bin/sh", ["-c", "echo started"], { encoding: "utf8" }).trim());
await attempt("become root again", () => {
	process.setuid(0);
	return process.getuid();
});
await attempt("signal the parent", () => process.kill(parent, 0));
await attempt("connect to this machine", () => tcp("127.0.0.1", port));
await attempt("connect to the world", () => tcp("192.0.2.1", 80));
await attempt("send a datagram", () =>
	new Promise((resolve, reject) => {
		const socket = dgram.createSocket("udp4");
		socket.on("error", reject);
		socket.send("x", 53, "192.0.2.1", (error) => (error ? reject(error) : resolve("sent")));
	}).finally(() => undefined),
);
await attempt("open a debugger", () => {
	inspector.open(0, "127.0.0.1");
	return inspector.url();
});
await attempt("evaluate a text", () => new Function("return 1")());
await attempt(
	"read from a thread",
	() =>
		new Promise((resolve, reject) => {
			const text = `require("node:worker_threads").parentPort.postMessage(require("node:fs").readFileSync(${JSON.stringify(key)}, "utf8"))`;
			const worker = new Worker(text, { eval: true });
			worker.on("message", resolve);
			worker.on("error", reject);
		}),
);
outcomes["environment"] = Object.keys(process.env).sort().join(",");
process.stdout.write(JSON.stringify(outcomes), () => process.exit(0));
