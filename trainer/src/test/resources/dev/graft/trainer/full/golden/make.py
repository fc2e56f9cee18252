"""Makes the golden full fine-tuning run beside this file: python3 make.py (numpy; a few minutes).

A tiny Llama with tied embeddings is trained for five steps in float64. No backward is derived: each
gradient is the complex step of the forward (Squire and Trapp 1998), Im f(p + ih) / h, exact to
rounding. AdamW is Loshchilov and Hutter's algorithm 2 with torch's constants; norms do not decay.
"""

import json
import struct
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
HIDDEN, HEADS, KV_HEADS, HEAD_DIM, MLP, LAYERS, VOCAB = 12, 4, 2, 6, 20, 2, 23
EPS, THETA = 1e-5, 10000.0
LR, BETA1, BETA2, ADAM_EPS, DECAY, MAX_NORM, STEPS = 0.01, 0.9, 0.999, 1e-8, 0.1, 1.0, 5
SEQUENCES = [
    ([3, 1, 4, 1, 5, 9, 2, 6], [0, 0, 1, 1, 1, 1, 1, 1]),
    ([22, 0, 7], [0, 1, 1]),
    ([5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8], [0, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1]),
]


def shapes():
    yield "model.embed_tokens.weight", (VOCAB, HIDDEN)
    for i in range(LAYERS):
        layer = f"model.layers.{i}."
        yield layer + "input_layernorm.weight", (HIDDEN,)
        yield layer + "self_attn.q_proj.weight", (HEADS * HEAD_DIM, HIDDEN)
        yield layer + "self_attn.k_proj.weight", (KV_HEADS * HEAD_DIM, HIDDEN)
        yield layer + "self_attn.v_proj.weight", (KV_HEADS * HEAD_DIM, HIDDEN)
        yield layer + "self_attn.o_proj.weight", (HIDDEN, HEADS * HEAD_DIM)
        yield layer + "post_attention_layernorm.weight", (HIDDEN,)
        yield layer + "mlp.gate_proj.weight", (MLP, HIDDEN)
        yield layer + "mlp.up_proj.weight", (MLP, HIDDEN)
        yield layer + "mlp.down_proj.weight", (HIDDEN, MLP)
    yield "model.norm.weight", (HIDDEN,)


def norm(x, weight):
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + EPS) * weight


def rotate(x, positions):
    """x (T, heads, hd): element i turns with element i + hd/2."""
    half = HEAD_DIM // 2
    angles = positions[:, None] * THETA ** (-2.0 * np.arange(half) / HEAD_DIM)
    cosine, sine = np.cos(angles)[:, None, :], np.sin(angles)[:, None, :]
    low, high = x[..., :half], x[..., half:]
    return np.concatenate([low * cosine - high * sine, high * cosine + low * sine], axis=-1)


def log_softmax(z):
    z = z - z.real.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def logits(p, ids):
    length = len(ids)
    positions = np.arange(length, dtype=float)
    x = p["model.embed_tokens.weight"][ids]
    for i in range(LAYERS):
        w = lambda name: p[f"model.layers.{i}.{name}.weight"]
        n = norm(x, w("input_layernorm"))
        q = rotate((n @ w("self_attn.q_proj").T).reshape(length, HEADS, HEAD_DIM), positions)
        k = rotate((n @ w("self_attn.k_proj").T).reshape(length, KV_HEADS, HEAD_DIM), positions)
        v = (n @ w("self_attn.v_proj").T).reshape(length, KV_HEADS, HEAD_DIM)
        heads = []
        for h in range(HEADS):
            g = h // (HEADS // KV_HEADS)
            scores = q[:, h] @ k[:, g].T / np.sqrt(HEAD_DIM)
            scores = np.where(np.tril(np.ones((length, length))) > 0, scores, -1e30)
            heads.append(np.exp(log_softmax(scores)) @ v[:, g])
        x = x + np.concatenate(heads, axis=-1) @ w("self_attn.o_proj").T
        m = norm(x, w("post_attention_layernorm"))
        gate = m @ w("mlp.gate_proj").T
        x = x + (gate / (1 + np.exp(-gate)) * (m @ w("mlp.up_proj").T)) @ w("mlp.down_proj").T
    return norm(x, p["model.norm.weight"]) @ p["model.embed_tokens.weight"].T


def loss(p):
    total, count = 0, 0
    for ids, targets in SEQUENCES:
        log_p = log_softmax(logits(p, np.array(ids[:-1])))
        for t in range(1, len(ids)):
            if targets[t]:
                total, count = total - log_p[t - 1, ids[t]], count + 1
    return total / count


def gradient(p):
    h = 1e-30
    q = {name: value.astype(complex) for name, value in p.items()}
    gradients = {}
    for name, value in q.items():
        flat = value.reshape(-1)
        slopes = np.zeros(flat.shape)
        for i in range(len(flat)):
            kept = flat[i]
            flat[i] = kept + 1j * h
            slopes[i] = loss(q).imag / h
            flat[i] = kept
        gradients[name] = slopes.reshape(value.shape)
    return gradients


def write(path, tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, value in tensors.items():
        piece = value.astype("<f4").tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(value.shape),
            "data_offsets": [len(data), len(data) + len(piece)],
        }
        data += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    random = np.random.default_rng(20260101)
    p = {}
    for name, shape in shapes():
        spread = 0.2 if len(shape) == 1 else 0.35
        value = random.normal(0, spread, shape) + (1 if len(shape) == 1 else 0)
        p[name] = value.astype(np.float32).astype(np.float64)
    (HERE / "model").mkdir(exist_ok=True)
    write(HERE / "model" / "model.safetensors", p)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": MLP,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD_DIM,
        "vocab_size": VOCAB,
        "max_position_embeddings": 64,
        "rms_norm_eps": EPS,
        "rope_theta": THETA,
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
    }
    (HERE / "model" / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    m = {name: np.zeros_like(value) for name, value in p.items()}
    v = {name: np.zeros_like(value) for name, value in p.items()}
    losses, norms = [], []
    for t in range(1, STEPS + 1):
        losses.append(float(loss(p)))
        g = gradient(p)
        size = float(np.sqrt(sum((x * x).sum() for x in g.values())))
        norms.append(size)
        factor = min(1.0, MAX_NORM / (size + 1e-6))
        for name, value in p.items():
            clipped = g[name] * factor
            m[name] = BETA1 * m[name] + (1 - BETA1) * clipped
            v[name] = BETA2 * v[name] + (1 - BETA2) * clipped * clipped
            first, second = m[name] / (1 - BETA1**t), v[name] / (1 - BETA2**t)
            decay = 0 if "norm" in name else DECAY
            p[name] = value - LR * decay * value - LR * first / (np.sqrt(second) + ADAM_EPS)
    write(HERE / "final.safetensors", p)
    expected = {
        "learning_rate": LR,
        "weight_decay": DECAY,
        "max_grad_norm": MAX_NORM,
        "sequences": [{"ids": ids, "targets": targets} for ids, targets in SEQUENCES],
        "losses": losses,
        "grad_norms": norms,
        "final_loss": float(loss(p)),
    }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    print(losses, norms, expected["final_loss"])


main()
