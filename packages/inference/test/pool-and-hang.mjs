/** Starts a call that never ends, says which process runs it, and waits to be killed: `node pool-and-hang.mjs MODEL`. */
import { createEnginePool } from "@freehold/inference";

const pool = await createEnginePool({ fastProcesses: 1, runTimeoutMs: 600_000 });
const files = { id: "endless", format: "onnx", modelPath: process.argv[2] };
await pool.load(files, "fast");
pool.run(files, "fast", { X: { dtype: "float32", shape: [1], bytes: new Uint8Array(4) } }).catch(() => {});
process.stdout.write(`${pool.pids[0]}\n`);
