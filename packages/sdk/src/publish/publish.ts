/** Publishing a model: look at it, check what the chain would refuse, upload what storage lacks, one transaction, and wait until it can be asked. */
import { FreeholdError, type Hex, type QuoteBody } from "@freehold/protocol";
import { encodeFunctionData } from "viem";
import { contracts } from "../chain/contracts.js";
import { pause } from "../chain/deadline.js";
import type { Client } from "../client/client.js";
import { requestQuote } from "../inference/quote.js";
import { preflight } from "./preflight.js";
import { type Publication, type PublishParameters, preparePublication } from "./prepare.js";
import { type UploadProgress, uploadBlobs } from "./upload.js";

export interface PublishOptions extends PublishParameters {
	readonly signal?: AbortSignal;
	readonly progress?: (progress: PublishProgress) => void;
	/** Until the gateway can quote the release; default 60,000. */
	readonly readyTimeoutMs?: number;
}

export type PublishProgress = { readonly step: "checking" | "sending" | "waiting" } | ({ readonly step: "uploading" } & UploadProgress);

export interface Published {
	/** `namespace/name@major.minor`. */
	readonly model: string;
	readonly release: Hex;
	readonly manifest: Hex;
	readonly owner: Hex;
	/** Undefined when the release stood in the registry before. */
	readonly transaction: Hex | undefined;
	readonly block: bigint | undefined;
	readonly claimedNamespace: boolean;
	/** Bytes that storage did not hold. */
	readonly uploadedBytes: number;
	/** What the gateway asks for a call now. */
	readonly quote: QuoteBody;
}

const READY_TIMEOUT_MS = 60_000;
const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 1_000;

/**
 * Publishes a model that the account owns. Nothing is sent before everything was checked; after a failure the same call goes on where it stopped.
 *
 * @example
 * const { release } = await freehold.publish({ name: "ada/digits", model: bytes, price: { perCall: 10n ** 18n } });
 */
export async function publish(client: Client, { signal, progress, readyTimeoutMs, ...parameters }: PublishOptions): Promise<Published> {
	progress?.({ step: "checking" });
	const sending = {
		...(signal === undefined ? {} : { signal }),
		...(progress === undefined ? {} : { progress }),
		...(readyTimeoutMs === undefined ? {} : { readyTimeoutMs }),
	};
	return sendPublication(client, preparePublication(parameters, client.crypto), sending);
}

/** What sending a release takes of its preparation. */
export type SentPublication = Pick<
	Publication,
	"model" | "namespace" | "name" | "modelId" | "release" | "releaseName" | "manifestDigest" | "blobs" | "parents" | "price" | "data"
>;

/** Sends a release that was prepared: what storage lacks, one transaction, and the wait until it is served. */
export async function sendPublication(
	client: Client,
	publication: SentPublication,
	{ signal, progress, readyTimeoutMs = READY_TIMEOUT_MS }: Pick<PublishOptions, "signal" | "progress" | "readyTimeoutMs">,
): Promise<Published> {
	const owner = client.account().address.toLowerCase() as Hex;
	const { published, claimsNamespace } = await preflight(client, publication, signal);
	const uploadedBytes = await uploadBlobs(client, publication.blobs, {
		signal,
		progress: progress && ((upload) => progress({ step: "uploading", ...upload })),
	});
	progress?.({ step: "sending" });
	const receipt = published ? undefined : await register(client, publication, signal);
	progress?.({ step: "waiting" });
	const quote = await untilQuoted(client, publication, readyTimeoutMs, signal);
	return {
		model: publication.releaseName,
		release: publication.release,
		manifest: publication.manifestDigest,
		owner,
		transaction: receipt?.hash,
		block: receipt?.blockNumber,
		claimedNamespace: !published && claimsNamespace,
		uploadedBytes,
		quote,
	};
}

function register(client: Client, { namespace, name, data, price, release }: SentPublication, signal: AbortSignal | undefined) {
	const { address, abi } = contracts.ModelRegistry;
	return client
		.transactor()
		.send(
			{ key: `publish ${release}`, to: address, data: encodeFunctionData({ abi, functionName: "publish", args: [namespace, name, 0, data, price] }) },
			{ signal },
		);
}

/** The release is served as soon as the gateway has followed the chain to it and a node can run it. */
async function untilQuoted(client: Client, { release, releaseName }: SentPublication, timeoutMs: number, signal: AbortSignal | undefined): Promise<QuoteBody> {
	const deadline = client.now() + timeoutMs;
	for (let waitMs = FIRST_PAUSE_MS; ; waitMs = Math.min(LAST_PAUSE_MS, waitMs * 2)) {
		try {
			return await requestQuote(client, release, signal);
		} catch (error) {
			if (!(error instanceof FreeholdError) || (error.code !== "model.notFound" && !error.entry.retryable)) throw error;
			if (client.now() + waitMs > deadline)
				throw new FreeholdError("publish.notServed", { model: releaseName, seconds: timeoutMs / 1000, reason: error.message }, { cause: error });
		}
		await pause(waitMs, signal);
	}
}
