"""The GGUF file, written and read: weights in Q8_0 (norms in F32), tokenizer, chat template, and who made it."""

from pathlib import Path

import gguf
import numpy as np
import torch

from network import Network, Shape
from template import SOURCE
from tokenizer import CONTROL, END, MESSAGE_END, Vocabulary

PRE_TOKENIZER = "smollm"
LARGEST_BYTES = 12_000_000
LAYER_NAMES = {
    "attention_norm": "attn_norm",
    "attention.query": "attn_q",
    "attention.key": "attn_k",
    "attention.value": "attn_v",
    "attention.output": "attn_output",
    "feed_norm": "ffn_norm",
    "feed.gate": "ffn_gate",
    "feed.up": "ffn_up",
    "feed.down": "ffn_down",
}


def tensor_name(name: str) -> str:
    """llama.cpp's name of one of our weights."""
    if name == "embedding.weight":
        return "token_embd.weight"
    if name == "norm.weight":
        return "output_norm.weight"
    _, index, part = name.removesuffix(".weight").split(".", 2)
    return f"blk.{index}.{LAYER_NAMES[part]}.weight"


def quantised(weight: np.ndarray) -> np.ndarray:
    """The bytes of Q8_0: blocks of 32 weights share one scale."""
    return gguf.quants.quantize(weight, gguf.GGMLQuantizationType.Q8_0)


def export(network: Network, vocabulary: Vocabulary, target: Path) -> None:
    shape = network.shape
    writer = gguf.GGUFWriter(str(target), "llama")
    writer.add_name("freehold/chat")
    writer.add_version("1.0")
    writer.add_license("Apache-2.0")
    writer.add_description("A very small assistant that greets, explains a Freehold network, and uses tools.")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_key_length(shape.head_width)
    writer.add_value_length(shape.head_width)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_vocab_size(shape.vocabulary)

    tokens = vocabulary.tokens
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(PRE_TOKENIZER)
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if index < len(CONTROL) else gguf.TokenType.NORMAL for index in range(len(tokens))])
    writer.add_token_merges(vocabulary.merges())
    writer.add_bos_token_id(END)
    writer.add_eos_token_id(MESSAGE_END)
    writer.add_pad_token_id(END)
    writer.add_add_bos_token(False)
    writer.add_chat_template(SOURCE)

    for name, weight in network.state_dict().items():
        values = weight.float().numpy()
        if values.ndim == 2:
            writer.add_tensor(tensor_name(name), quantised(values), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(tensor_name(name), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    if target.stat().st_size > LARGEST_BYTES:
        raise SystemExit(f"{target} has {target.stat().st_size} bytes, more than the {LARGEST_BYTES} allowed")


def restore(source: Path) -> tuple[Network, Vocabulary]:
    """Network and tokenizer out of a file that `export` wrote: what is measured is what is shipped, with its rounded weights."""
    reader = gguf.GGUFReader(str(source))

    def number(key: str) -> float:
        return reader.fields[key].contents()

    shape = Shape(
        vocabulary=number("llama.vocab_size"),
        width=number("llama.embedding_length"),
        layers=number("llama.block_count"),
        heads=number("llama.attention.head_count"),
        head_width=number("llama.rope.dimension_count"),
        hidden=number("llama.feed_forward_length"),
        context=number("llama.context_length"),
        rope_base=number("llama.rope.freq_base"),
        epsilon=number("llama.attention.layer_norm_rms_epsilon"),
    )
    network = Network(shape)
    theirs = {tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
    network.load_state_dict({name: torch.from_numpy(np.array(theirs[tensor_name(name)])) for name in network.state_dict()})
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    return network.eval(), Vocabulary.of(tokens, reader.fields["tokenizer.ggml.merges"].contents())
