"""A small random BERT in Hugging Face layout, and BERT's forward pass in NumPy.

The pass is written from the paper (Devlin et al. 2018) and the names of Hugging Face's tensors, not from
the code under test. Weights are large, so that what a layer does shows in the output.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.special import erf

HIDDEN, HEADS, LAYERS, INTERMEDIATE, POSITIONS = 8, 2, 2, 16, 12
CHARACTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    # With "##影" a tokeniser that does not part Chinese characters shows itself.
    *("电", "影", "院", "##影", "##院", "Matrix", "matrix", "cafe", "café", "."),
    *CHARACTERS,
    *(f"##{c}" for c in CHARACTERS),
)
CONFIG = {
    "model_type": "bert",
    "vocab_size": len(VOCABULARY),
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": INTERMEDIATE,
    "max_position_embeddings": POSITIONS,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
}


def token_ids(*pieces: str) -> list[int]:
    """Ids of word pieces."""
    return [VOCABULARY.index(piece) for piece in pieces]


def random_tensors(seed: int = 0) -> dict[str, np.ndarray]:
    """The tensors by Hugging Face's names, without a prefix; a Linear's matrix is [out, in]."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape, scale=0.5).astype(np.float32)

    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(VOCABULARY), HIDDEN),
        "embeddings.position_embeddings.weight": (POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
    }
    norms = ["embeddings.LayerNorm"]
    for index in range(LAYERS):
        layer = f"encoder.layer.{index}"
        linears = {
            **{f"attention.self.{name}": (HIDDEN, HIDDEN) for name in ("query", "key", "value")},
            "attention.output.dense": (HIDDEN, HIDDEN),
            "intermediate.dense": (INTERMEDIATE, HIDDEN),
            "output.dense": (HIDDEN, INTERMEDIATE),
        }
        for name, shape in linears.items():
            shapes |= {f"{layer}.{name}.weight": shape, f"{layer}.{name}.bias": shape[:1]}
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    tensors = {name: normal(*shape) for name, shape in shapes.items()}
    for norm in norms:
        tensors |= {f"{norm}.weight": 1 + normal(HIDDEN), f"{norm}.bias": normal(HIDDEN)}
    return tensors


def write_bert(
    folder: Path,
    tensors: dict[str, np.ndarray] | None = None,
    config: dict | None = None,
    vocabulary: tuple[str, ...] = VOCABULARY,
) -> None:
    """Writes the three files of a BERT."""
    (folder / "config.json").write_text(json.dumps(CONFIG | (config or {})))
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    save_file(random_tensors() if tensors is None else tensors, folder / "model.safetensors")


def exact_gelu(x: np.ndarray) -> np.ndarray:
    """The GELU of the paper, which Hugging Face computes for `hidden_act: gelu`."""
    return x * 0.5 * (1 + erf(x / np.sqrt(2)))


def tanh_gelu(x: np.ndarray) -> np.ndarray:
    """Its approximation in Google's BERT and in KerasNLP (Hendrycks and Gimpel 2016)."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def forward(tensors: dict[str, np.ndarray], tokens: np.ndarray, gelu=tanh_gelu) -> np.ndarray:
    """BERT's sequence output, [B, length, HIDDEN] float64, of tokens padded with 0."""
    weights = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def attend(x: np.ndarray, name: str) -> np.ndarray:
        query, key, value = (linear(x, f"{name}.{part}") for part in ("query", "key", "value"))
        heads = []
        for columns in np.split(np.arange(HIDDEN), HEADS):
            scores = query[..., columns] @ np.swapaxes(key[..., columns], 1, 2)
            scores = np.where((tokens > 0)[:, np.newaxis], scores / np.sqrt(len(columns)), -np.inf)
            shares = np.exp(scores - scores.max(-1, keepdims=True))
            heads.append(shares / shares.sum(-1, keepdims=True) @ value[..., columns])
        return np.concatenate(heads, axis=-1)

    x = weights["embeddings.word_embeddings.weight"][tokens]
    x = x + weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
    x = norm(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for index in range(LAYERS):
        layer = f"encoder.layer.{index}"
        attended = linear(attend(x, f"{layer}.attention.self"), f"{layer}.attention.output.dense")
        x = norm(x + attended, f"{layer}.attention.output.LayerNorm")
        inner = linear(gelu(linear(x, f"{layer}.intermediate.dense")), f"{layer}.output.dense")
        x = norm(x + inner, f"{layer}.output.LayerNorm")
    return x


def unit(x: np.ndarray) -> np.ndarray:
    """Rows of length one."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)
