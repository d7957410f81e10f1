// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What the owner asks for future calls, in the smallest unit of OPG.
struct Price {
    uint128 perCall;
    uint128 perInputUnit;
    uint128 perOutputUnit;
}

/// @notice One version of a price. In force from `validFrom` until `validUntil` (0 while it has no successor), Unix seconds.
/// A version that ends before it begins was withdrawn before it took effect. (Blocks share a second, so an interval of zero seconds
/// may have been in force.)
struct PriceVersion {
    uint128 perCall;
    uint128 perInputUnit;
    uint128 perOutputUnit;
    uint64 validFrom;
    uint64 validUntil;
}

/// @notice The least that a release which names this one as a parent must owe it.
struct Terms {
    uint128 leastPerCall;
    uint128 leastPerInputUnit;
    uint128 leastPerOutputUnit;
    uint16 leastBps;
}

/// @notice A release this one was made from, and its share of this one's income in basis points.
struct Parent {
    bytes32 release;
    uint16 bps;
}

/// @notice What a publisher states; all of it is immutable.
/// @param manifest SHA-256 of the manifest's canonical JSON.
/// @param inputSchema SHA-256 of the canonical JSON of the input specifications; likewise `outputSchema`.
/// @param format 1 ONNX, 2 GGUF; later formats take later numbers.
/// @param modes Bitmask of `1 << mode` for the promises a node may make about it (0 fast, 1 bit-exact, 2 attested, 3 proved).
/// @param licence SPDX expression or `LicenseRef-…`, 1 to 200 bytes.
struct ReleaseData {
    uint16 major;
    uint16 minor;
    uint16 format;
    uint8 modes;
    bytes32 manifest;
    bytes32 inputSchema;
    bytes32 outputSchema;
    string licence;
    Terms terms;
    Parent[] parents;
}

/// @notice A release as the registry holds it. Slots, in order: modelId; manifest; the packed word of `publishedAt` … `parentCount`;
/// inputSchema; outputSchema; terms (two); licence; publisher, who owned the model then. `publishedAt` is non-zero exactly when the release exists; `retiredAt` is 0 until
/// retired; `priceBefore` is the version that stays in force until the last one begins.
struct Release {
    uint256 modelId;
    bytes32 manifest;
    uint64 publishedAt;
    uint64 retiredAt;
    uint32 priceVersions;
    uint32 priceBefore;
    uint16 major;
    uint16 minor;
    uint16 format;
    uint8 modes;
    uint8 parentCount;
    bytes32 inputSchema;
    bytes32 outputSchema;
    Terms terms;
    string licence;
    address publisher;
}
