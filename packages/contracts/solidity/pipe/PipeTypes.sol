// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// Types of OpenGradient's inference interface. The names of structs' fields are part of it: its clients read them by name.

/// @notice `value ÷ 10^decimals`.
struct Number {
    int128 value;
    int128 decimals;
}

/// @notice Row-major.
struct MultiDimensionalNumberTensor {
    string name;
    Number[] values;
    uint32[] shape;
}

struct StringTensor {
    string name;
    string[] values;
}

struct JsonScalar {
    string name;
    string value;
}

struct ModelInput {
    MultiDimensionalNumberTensor[] numbers;
    StringTensor[] strings;
}

/// @notice What a model answered. `is_simulation_result`: there is no answer yet, this is a call or an estimate.
struct ModelOutput {
    MultiDimensionalNumberTensor[] numbers;
    StringTensor[] strings;
    JsonScalar[] jsons;
    bool is_simulation_result;
}

/// @notice mode: 0 VANILLA, 1 ZKML, 2 TEE; only 0 is offered. modelCID: `namespace/name`, `namespace/name@major.minor`, or a release id in 0x hex.
struct ModelInferenceRequest {
    uint8 mode;
    string modelCID;
    ModelInput input;
}

/// @notice temperature in hundredths.
struct LLMCompletionRequest {
    uint8 mode;
    string modelCID;
    string prompt;
    uint32 max_tokens;
    string[] stop_sequence;
    uint32 temperature;
}

struct LLMCompletionResponse {
    string answer;
}

struct ToolCall {
    string id;
    string name;
    string arguments;
}

struct ChatMessage {
    string role;
    string content;
    string name;
    string tool_call_id;
    ToolCall[] tool_calls;
}

struct ToolDefinition {
    string description;
    string name;
    string parameters;
}

struct LLMChatRequest {
    uint8 mode;
    string modelCID;
    ChatMessage[] messages;
    ToolDefinition[] tools;
    string tool_choice;
    uint32 max_tokens;
    string[] stop_sequence;
    uint32 temperature;
}

struct LLMChatResponse {
    string finish_reason;
    ChatMessage message;
}

/// @notice order: 0 ascending, 1 descending in time. candle_types: 0 high, 1 low, 2 open, 3 close, 4 volume.
struct HistoricalInputQuery {
    string base;
    string quote;
    uint32 total_candles;
    uint32 candle_duration_in_mins;
    uint8 order;
    uint8[] candle_types;
}

/// @notice An answer that was given without a transaction, as whoever got it says when it pays for it.
struct LiveAnswer {
    address operator;
    bytes32 release;
    uint32 priceVersion;
    uint64 inputUnits;
    uint64 outputUnits;
}

/// @notice What a node delivers for one call. `request` is the Keccak-256 of the encoded request, `kind` 0 model, 1 completion, 2 chat.
/// `output` is the encoded answer, or, where `ok` is false, the reason in UTF-8.
struct Delivery {
    bytes32 transaction;
    uint64 index;
    uint8 kind;
    address payer;
    bytes32 request;
    address operator;
    uint8 attempt;
    bytes32 release;
    uint32 priceVersion;
    uint64 inputUnits;
    uint64 outputUnits;
    bool ok;
    bytes output;
}
