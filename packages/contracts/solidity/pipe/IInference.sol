// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    LLMChatRequest,
    LLMChatResponse,
    LLMCompletionRequest,
    LLMCompletionResponse,
    ModelInferenceRequest,
    ModelOutput
} from "./PipeTypes.sol";

/// @notice What a contract may ask at `0x…F4`. The immediate caller pays from its prepaid balance in `UsageLedger`.
interface IInference {
    function runModelInference(ModelInferenceRequest calldata request) external returns (ModelOutput memory);

    function runLLMCompletion(LLMCompletionRequest calldata request) external returns (LLMCompletionResponse memory);

    function runLLMChat(LLMChatRequest calldata request) external returns (LLMChatResponse memory);
}

/// @notice The same, on behalf of whoever called one of the protocol's own contracts.
interface IInferenceFor {
    function runModelInferenceFor(address payer, ModelInferenceRequest calldata request)
        external
        returns (ModelOutput memory);

    function runLLMCompletionFor(address payer, LLMCompletionRequest calldata request)
        external
        returns (LLMCompletionResponse memory);

    function runLLMChatFor(address payer, LLMChatRequest calldata request) external returns (LLMChatResponse memory);
}
