export { type BlobName, blobIdOf, formatBlobName, parseBlobId, parseSha256, type WalrusBlobId } from "./blob/blob-name.js";
export type { BlobInfo, BlobStore, BlobStoreStats, ByteRange, PutOptions, StoredBlob } from "./blob/blob-store.js";
export { type StorageEvents, type StorageHandlerOptions, storageBindings } from "./http/handlers.js";
export { LocalStore, type LocalStoreEvents, type LocalStoreModules, type LocalStoreOptions, localStoreCrashPoints } from "./local/local-store.js";
export { storageProgram } from "./program.js";
export { Uploads } from "./uploads/uploads.js";
export { encodedLength } from "./walrus/encoded-length.js";
export { type WalrusIds, type WalrusIdsOptions, walrusIds } from "./walrus/walrus-ids.js";
export { WalrusStore, type WalrusStoreOptions } from "./walrus/walrus-store.js";
