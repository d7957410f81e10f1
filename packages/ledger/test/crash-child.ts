/** Makes blocks until it is killed, and says which one it is about to commit and which one is safe. */
import { openCrashChain, prepareBlock } from "./crash-chain.js";

const [dir] = process.argv.slice(2);
if (dir === undefined) throw new Error("usage: crash-child <dir>");
const machine = openCrashChain(dir);
process.send?.({ committed: Number(machine.head()?.number ?? -1n) });
for (;;) {
	const { number, row } = prepareBlock(machine);
	process.send?.({ committing: Number(number) });
	await machine.commit([row]);
	process.send?.({ committed: Number(number) });
}
