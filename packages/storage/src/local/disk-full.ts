/** True for the file system's word that no more can be written: no room, or no more of this user's. */
export function isDiskFull(error: unknown): boolean {
	return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}
