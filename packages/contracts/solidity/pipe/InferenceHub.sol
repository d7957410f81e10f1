// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Addresses} from "../Addresses.sol";
import {IInferenceFor} from "./IInference.sol";
import {
    LLMChatRequest,
    LLMChatResponse,
    LLMCompletionRequest,
    LLMCompletionResponse,
    ModelInferenceRequest,
    ModelInput,
    ModelOutput
} from "./PipeTypes.sol";

/// @title InferenceHub
/// @notice Where accounts ask models by a transaction, as OpenGradient's clients do. Whoever calls it pays.
contract InferenceHub {
    event InferenceResult(ModelOutput output);
    event LLMCompletionResult(LLMCompletionResponse response);
    event LLMChatResult(LLMChatResponse response);

    function run(string calldata modelId, uint8 inferenceMode, ModelInput calldata modelInput)
        external
        returns (ModelOutput memory output)
    {
        output = IInferenceFor(Addresses.INFERENCE)
            .runModelInferenceFor(msg.sender, ModelInferenceRequest(inferenceMode, modelId, modelInput));
        emit InferenceResult(output);
    }

    function runLLMCompletion(LLMCompletionRequest calldata request)
        external
        returns (LLMCompletionResponse memory response)
    {
        response = IInferenceFor(Addresses.INFERENCE).runLLMCompletionFor(msg.sender, request);
        emit LLMCompletionResult(response);
    }

    function runLLMChat(LLMChatRequest calldata request) external returns (LLMChatResponse memory response) {
        response = IInferenceFor(Addresses.INFERENCE).runLLMChatFor(msg.sender, request);
        emit LLMChatResult(response);
    }
}
