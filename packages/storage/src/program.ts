/** Storage as a program: its options, its events for operators, and its life. */
import { join } from "node:path";
import type { Hex } from "@freehold/protocol";
import { limits } from "@freehold/protocol";
import {
	type ConfigOf,
	counter,
	defineProgram,
	durationOption,
	gauge,
	type InstrumentsOf,
	integerOption,
	lockFolder,
	type MetricTable,
	optional,
	pathOption,
	portOption,
	registerMetrics,
	sizeOption,
	textOption,
	urlOption,
	writeProbe,
} from "@freehold/service";
import type { BlobStore } from "./blob/blob-store.js";
import { type StorageEvents, storageBindings } from "./http/handlers.js";
import { LocalStore, type LocalStoreEvents, localStoreCrashPoints } from "./local/local-store.js";
import { Uploads, uploadsCrashPoints } from "./uploads/uploads.js";
import { walrusIds } from "./walrus/walrus-ids.js";
import { WalrusStore } from "./walrus/walrus-store.js";

const options = {
	data: pathOption({ argument: "DIR", default: ".freehold/storage", help: "Folder of the blobs.", group: "Storage" }),
	host: textOption({ argument: "HOST", default: "127.0.0.1", help: "Address to listen on.", group: "Storage" }),
	port: portOption({ default: 8548, help: "Port to listen on.", group: "Storage" }),
	maxBlob: sizeOption({ default: limits.blobBytes, help: "Largest blob that is taken.", group: "Storage" }),
	capacity: sizeOption({ default: 256 * 1024 ** 3, help: "Room for all blobs together.", group: "Storage" }),
	maxUploads: integerOption({ default: 64, min: 1, max: 10_000, help: "Uploads at one time.", group: "Storage" }),
	maxOpenUploads: integerOption({ default: 256, min: 1, max: 100_000, help: "Uploads in parts that have begun.", group: "Storage" }),
	uploadLifetime: durationOption({ default: 86_400_000, help: "How long parts wait for the rest of their upload.", group: "Storage" }),
	chainId: optional(integerOption({ help: "Chain that this storage serves; only development networks allow crash points.", group: "Storage" })),
	walrusShards: integerOption({ default: 1000, min: 4, max: 65_535, help: "Shards of the Walrus network that blob ids are made for.", group: "Walrus" }),
	walrusMaxBlob: sizeOption({
		default: 256 * 1024 ** 2,
		help: "Largest blob whose Walrus id is computed here; it takes several times the memory.",
		group: "Walrus",
	}),
	walrusPublisher: optional(urlOption({ help: "Publisher that every new blob is stored with too. Needs --walrus-aggregator.", group: "Walrus" })),
	walrusAggregator: optional(urlOption({ help: "Aggregator that missing blobs are fetched from. Needs --walrus-publisher.", group: "Walrus" })),
	walrusEpochs: integerOption({ default: 5, min: 1, max: 1000, help: "Storage epochs bought for each blob.", group: "Walrus" }),
	walrusTimeout: durationOption({ default: 600_000, help: "Longest time of one transfer to or from Walrus.", group: "Walrus" }),
};

export const storageMetrics = {
	stored: counter("freehold_storage_stored_bytes_total", "Bytes of new blobs."),
	served: counter("freehold_storage_served_bytes_total", "Bytes of blobs that were asked for."),
	corrupt: counter("freehold_storage_corrupt_total", "Reads that found bytes which do not match their name."),
	failedIds: counter("freehold_storage_walrus_id_failures_total", "Walrus ids that could not be computed."),
	blobs: gauge("freehold_storage_kept_blobs", "Blobs in the folder."),
	bytes: gauge("freehold_storage_kept_bytes", "Bytes of all blobs."),
	pendingIds: gauge("freehold_storage_pending_walrus_ids", "Blobs whose Walrus id is being computed."),
	openUploads: gauge("freehold_storage_open_uploads", "Uploads in parts that have begun."),
	uploadBytes: gauge("freehold_storage_upload_bytes", "Bytes of parts that wait for the rest of their upload."),
} as const satisfies MetricTable;

export const storageProgram = defineProgram({
	role: "storage",
	summary: "Keeps blobs and serves them by SHA-256 and by Walrus blob id.",
	options,
	metrics: storageMetrics,
	crashPoints: [...localStoreCrashPoints, ...uploadsCrashPoints],
	async start({ config, log, metrics, crashPoint, clock, onChain, listen }) {
		if (config.chainId !== undefined) onChain(config.chainId);
		const unlock = lockFolder(config.data);
		const instruments = registerMetrics(storageMetrics, metrics);
		const events = operatorEvents(log, instruments);
		const store = await openStore(config, events, crashPoint);
		const uploads = await Uploads.open(
			{
				folder: join(config.data, "uploads"),
				maxBlobBytes: config.maxBlob,
				capacityBytes: config.capacity,
				maxOpen: config.maxOpenUploads,
				restMs: UPLOAD_REST_MS,
				lifetimeMs: config.uploadLifetime,
			},
			{ store, now: clock.now, crashPoint },
		);
		instruments.blobs.follow(() => store.stats().blobs);
		instruments.bytes.follow(() => store.stats().bytes);
		instruments.pendingIds.follow(() => store.stats().pendingIds);
		instruments.openUploads.follow(() => uploads.stats().open);
		instruments.uploadBytes.follow(() => uploads.stats().bytes);
		const writes = writeProbe(join(config.data, "tmp"), { ticks: () => performance.now() });
		const handlerOptions = { maxBlobBytes: config.maxBlob, shards: config.walrusShards, maxUploads: config.maxUploads };
		const server = await listen(storageBindings(store, uploads, handlerOptions, events), { host: config.host, port: config.port });
		return {
			url: server.url,
			ready: async () => {
				const refusal = await writes();
				return { ready: refusal === undefined, detail: { ...store.stats(), writes: refusal ?? "yes" } };
			},
			async drain() {
				await server.close(DRAIN_MS);
				await uploads.close();
				await store.close();
				unlock();
			},
		};
	},
});

const DRAIN_MS = 10_000;
/** An upload in parts that rested so long gives way when there are too many. */
const UPLOAD_REST_MS = 900_000;
const MAX_WAITING_IDS = 10_000;
const ENCODER_IDLE_MS = 30_000;

/** A folder, or Walrus with a folder before it. */
async function openStore(config: ConfigOf<typeof options>, events: LocalStoreEvents, crashPoint: (name: string) => void): Promise<BlobStore> {
	const local = await LocalStore.open(
		{ folder: config.data, maxBlobBytes: config.maxBlob, capacityBytes: config.capacity, maxWalrusIdBytes: config.walrusMaxBlob },
		{ walrusIds: walrusIds({ shards: config.walrusShards, maxWaiting: MAX_WAITING_IDS, idleMs: ENCODER_IDLE_MS }), events, crashPoint },
	);
	const { walrusPublisher, walrusAggregator } = config;
	if (walrusPublisher === undefined || walrusAggregator === undefined) return local;
	return new WalrusStore(
		{ publisherUrl: walrusPublisher, aggregatorUrl: walrusAggregator, epochs: config.walrusEpochs, transferTimeoutMs: config.walrusTimeout },
		local,
	);
}

/** One function per event: log line and metric together. */
function operatorEvents(
	log: { info(data: object, text: string): void; error(data: object, text: string): void },
	metrics: InstrumentsOf<typeof storageMetrics>,
): StorageEvents & LocalStoreEvents {
	return {
		stored(info, created) {
			if (!created) return;
			metrics.stored.add(info.sizeBytes);
			log.info({ sha256: info.sha256, sizeBytes: info.sizeBytes }, "stored a blob");
		},
		served(_info, bytes) {
			metrics.served.add(bytes);
		},
		corrupt(sha256: Hex, reason: string) {
			metrics.corrupt.add(1);
			log.error({ sha256, reason }, "a stored blob is damaged; storing the same bytes again repairs it");
		},
		walrusIdFailed(sha256: Hex, error: unknown) {
			metrics.failedIds.add(1);
			log.error({ err: error, sha256 }, "the Walrus id of a blob could not be computed; it is tried again when somebody asks for it");
		},
	};
}
