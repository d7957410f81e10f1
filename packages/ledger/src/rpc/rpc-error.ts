/** Errors of JSON-RPC answers: the codes of the specification and of EIP-1474, and geth's code 3 for reverts. */
export class RpcError extends Error {
	override readonly name = "RpcError";
	readonly code: number;
	readonly data: string | undefined;

	constructor(code: number, message: string, data?: string) {
		super(message);
		this.code = code;
		this.data = data;
	}
}

export const rpcCodes = {
	parse: -32700,
	invalidRequest: -32600,
	methodNotFound: -32601,
	invalidParams: -32602,
	internal: -32603,
	server: -32000,
	limit: -32005,
	reverted: 3,
	/** EIP-7966: the transaction waits still, or an earlier one of its sender is missing. */
	waitEnded: 4,
	nonceGap: 6,
} as const;

export const invalidParams = (reason: string): RpcError => new RpcError(rpcCodes.invalidParams, reason);
export const serverError = (message: string): RpcError => new RpcError(rpcCodes.server, message);
export const limitExceeded = (message: string): RpcError => new RpcError(rpcCodes.limit, message);
