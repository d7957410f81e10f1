/** Writing a file with the folders above it. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { atomicWriteFile } from "@freehold/service";

export async function writeText(path: string, text: string, mode = 0o644): Promise<void> {
	await mkdir(dirname(path), { recursive: true });
	await atomicWriteFile(path, text, mode);
}
