#!/usr/bin/env python3
"""Measures what Python makes of the step that `graft bench` measures.

The same Llama, the same LoRA on all seven linear layers, the same tokens, the same loss and AdamW:

    graft bench --device cuda --tokens 8192 --sequence 4096 --keep same-steps --json graft.json ...
    python3 peer_hf.py --keep same-steps --expect graft.json --json peer.json

Without --keep, weights and tokens are random ones of the shape that the options give, as in graft
bench. The model is Hugging Face transformers' with peft's adapters. Where those are not installed,
or with --plain, it is one in PyTorch alone, in this file, which does the same; the result says which.

Several variants are measured, so that the comparison is with the best of them. A variant is words
joined by '+':

    library | chunked         the library's loss, which holds all logits in float32; or, the default,
                              one that makes the logits and their gradient for some rows at a time
    float32 | bf16            adapters in float32 under autocast, as trainers with bf16=True have
                              them (the default, and graft's precision); or in bfloat16 altogether
    compile                   torch.compile on each decoder layer
    checkpointing             gradient checkpointing of each decoder layer
    cudnn | auto              another backend of scaled_dot_product_attention than flash

Steps are timed by CUDA events, without waiting between them.
"""

import argparse
import contextlib
import gc
import json
import math
import mmap
import os
import platform
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
DEFAULT_VARIANTS = ["library", "chunked", "chunked+bf16", "chunked+bf16+compile"]
WORDS = {"library", "chunked", "float32", "bf16", "compile", "checkpointing", "cudnn", "auto"}
LOSS_TOLERANCE = 5e-3  # relative: bfloat16, and a residual stream in it where graft's is float32
WARM_UP = 2

# Of graft's bench; step.json has them, too.
STEP = {
    "learning_rate": 1e-4,
    "beta1": 0.9,
    "beta2": 0.999,
    "epsilon": 1e-8,
    "weight_decay": 0.0,
    "max_grad_norm": 1.0,
}


def main():
    options = parse()
    device = torch.device(options.device)
    step = read_step(options)
    tokens = token_rows(step, options, device)
    library, model, layers = load(options, device)
    adapter = [p for p in model.parameters() if p.requires_grad]
    beginning = [p.detach().clone() for p in adapter]
    began = time.monotonic()
    results = []
    for words in options.variant:
        if results and time.monotonic() - began > options.seconds:
            results.append({"variant": words, "error": "not measured: no time left"})
            continue
        variant = set(words.split("+"))
        result = {"variant": words}
        try:
            result.update(
                measure(model, layers, adapter, beginning, tokens, step, variant, options, device)
            )
        except Exception as e:  # out of memory, or a backend that cannot: the next one may
            result["error"] = f"{type(e).__name__}: {e}".splitlines()[0][:300]
        results.append(result)
        say(result)
        # At once: whoever runs this may have no time for the next one.
        write(options, document(options, library, tokens, results))
        reset(model, layers, adapter, device)
    found = document(options, library, tokens, results)
    write(options, found)
    report(found)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", help="folder that graft bench --keep wrote")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=2048)
    parser.add_argument("--intermediate", type=int, default=5632)
    parser.add_argument("--heads", type=int, default=32)
    parser.add_argument("--kv-heads", type=int, default=4)
    parser.add_argument("--vocab", type=int, default=32000)
    parser.add_argument("--tokens", type=int, default=512, help="of a micro-batch")
    parser.add_argument("--sequence", type=int, help="tokens of each sequence; all of them")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5, help="steps that are timed")
    parser.add_argument("--variant", action="append", help="see above; may be given again and again")
    parser.add_argument("--compile", action="store_true", help="adds +compile to each variant")
    parser.add_argument("--checkpointing", action="store_true", help="and +checkpointing")
    parser.add_argument("--chunk", type=int, default=2048, help="rows of logits of the chunked loss")
    parser.add_argument("--seconds", type=float, default=1e9, help="no variant begins after these")
    parser.add_argument(
        "--precision",
        choices=["bf16", "f32"],
        default="bf16",
        help="f32 shows that losses agree to more digits than bf16 has",
    )
    parser.add_argument("--plain", action="store_true", help="PyTorch alone")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--expect", help="JSON of graft bench, whose losses are compared")
    parser.add_argument("--json", help="write the result there, too")
    options = parser.parse_args()
    options.variant = options.variant or list(DEFAULT_VARIANTS)
    for flag in ("compile", "checkpointing"):
        if getattr(options, flag):
            options.variant = [
                words if flag in words.split("+") else f"{words}+{flag}" for words in options.variant
            ]
    options.variant = list(dict.fromkeys(options.variant))
    for words in options.variant:
        unknown = set(words.split("+")) - WORDS
        if unknown:
            parser.error(f"--variant {words}: there is no {', '.join(sorted(unknown))}")
    return options


def read_step(options):
    if not options.keep:
        return dict(STEP)
    with open(os.path.join(options.keep, "step.json"), encoding="utf-8") as file:
        return json.load(file)


def token_rows(step, options, device):
    """(sequences, tokens of each): the sequences of a packed micro-batch as rows of a batch."""
    rows = step.get("sequences")
    if rows is None:
        length = options.sequence or options.tokens
        generator = torch.Generator().manual_seed(1)
        rows = torch.randint(
            options.vocab, (options.tokens // length, length), generator=generator
        ).tolist()
    if len({len(row) for row in rows}) != 1:
        sys.exit("error: --tokens is not a multiple of --sequence, and a batch has no padding here")
    return torch.tensor(rows, dtype=torch.long, device=device)


# ---- models ----


def load(options, device):
    """What it is in words, the model with its adapter, and its decoder layers."""
    if not options.plain:
        try:
            import peft
            import transformers
        except ImportError as e:
            print(f"note: {e}: measuring a model in PyTorch alone instead", flush=True)
        else:
            return load_library(options, device, transformers, peft)
    return load_plain(options, device)


def load_library(options, device, transformers, peft):
    transformers.logging.set_verbosity_error()
    if options.keep:
        model = transformers.LlamaForCausalLM.from_pretrained(
            os.path.join(options.keep, "model"),
            dtype=base_type(options),
            attn_implementation="sdpa",
            device_map={"": device} if device.type == "cuda" else None,
        )
        # float32 as graft has them; autocast and this file's bf16 variants do the rest.
        model = peft.PeftModel.from_pretrained(
            model, os.path.join(options.keep, "adapter"), is_trainable=True
        )
    else:
        config = transformers.LlamaConfig(
            num_hidden_layers=options.layers,
            hidden_size=options.hidden,
            intermediate_size=options.intermediate,
            num_attention_heads=options.heads,
            num_key_value_heads=options.kv_heads,
            vocab_size=options.vocab,
            max_position_embeddings=max(2048, options.sequence or options.tokens),
            tie_word_embeddings=False,
            attn_implementation="sdpa",
        )
        with device, default_type(base_type(options)):
            model = transformers.LlamaForCausalLM(config)
        lora = peft.LoraConfig(r=options.rank, lora_alpha=2 * options.rank, target_modules=MODULES)
        model = peft.get_peft_model(model, lora)
    model.train()
    causal = model.get_base_model()
    causal.config.use_cache = False
    words = f"transformers {transformers.__version__} + peft {peft.__version__}"
    return words, LibraryModel(model, causal), list(causal.model.layers)


def base_type(options):
    return torch.float32 if options.precision == "f32" else torch.bfloat16


@contextlib.contextmanager
def default_type(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


class LibraryModel(nn.Module):
    """transformers' model with peft's adapters, as this file measures models."""

    def __init__(self, adapted, causal):
        super().__init__()
        self.adapted = adapted
        self.causal = causal

    def head(self):
        return self.causal.lm_head.weight

    def hidden(self, tokens):
        return self.causal.model(input_ids=tokens, use_cache=False).last_hidden_state

    def own_loss(self, tokens):
        return self.adapted(input_ids=tokens, labels=tokens, use_cache=False).loss

    def checkpointing(self, on):
        if on:
            self.causal.gradient_checkpointing_enable({"use_reentrant": False})
        else:
            self.causal.gradient_checkpointing_disable()

    def casting(self, under_autocast):
        """peft casts an adapter's input to float32; under autocast that is undone at once."""
        if under_autocast:
            with contextlib.suppress(ImportError):
                from peft.helpers import disable_input_dtype_casting

                return disable_input_dtype_casting(self.adapted)
        return contextlib.nullcontext()


def load_plain(options, device):
    folder = options.keep and os.path.join(options.keep, "model")
    if folder:
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            config = json.load(file)
        with open(os.path.join(options.keep, "adapter", "adapter_config.json"), encoding="utf-8") as f:
            adapter_config = json.load(f)
        rank, alpha = adapter_config["r"], adapter_config["lora_alpha"]
        weights = read_safetensors(os.path.join(folder, "model.safetensors"))
        adapter = read_safetensors(os.path.join(options.keep, "adapter", "adapter_model.safetensors"))
    else:
        config = {
            "num_hidden_layers": options.layers,
            "hidden_size": options.hidden,
            "intermediate_size": options.intermediate,
            "num_attention_heads": options.heads,
            "num_key_value_heads": options.kv_heads,
            "vocab_size": options.vocab,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
        }
        rank, alpha = options.rank, 2 * options.rank
        weights = adapter = None
    model = PlainModel(config, rank, alpha / rank, weights, adapter, device, base_type(options))
    model.train()
    return "PyTorch alone, without transformers and peft", model, list(model.layers)


def read_safetensors(path):
    """Tensors of a safetensors file by name, mapped rather than read."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    types = {"BF16": torch.bfloat16, "F32": torch.float32, "F16": torch.float16}
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, _ = entry["data_offsets"]
            tensors[name] = torch.frombuffer(
                data,
                dtype=types[entry["dtype"]],
                count=math.prod(entry["shape"]),
                offset=8 + size + start,
            ).view(entry["shape"])
    return tensors


class PlainLinear(nn.Module):
    """y = x W^T + s (x A^T) B^T; W is frozen."""

    def __init__(self, weight, a, b, scale):
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.a = nn.Parameter(a)
        self.b = nn.Parameter(b)
        self.scale = scale

    def forward(self, x):
        return F.linear(x, self.weight) + F.linear(F.linear(x, self.a), self.b) * self.scale


class PlainLayer(nn.Module):
    def __init__(self, config, linear, norms):
        super().__init__()
        self.heads = config["num_attention_heads"]
        self.kv_heads = config["num_key_value_heads"]
        self.epsilon = config["rms_norm_eps"]
        for module in MODULES:
            setattr(self, module, linear(module))
        self.input_norm = nn.Parameter(norms[0], requires_grad=False)
        self.post_norm = nn.Parameter(norms[1], requires_grad=False)

    def forward(self, x, cosine, sine):
        x = x + self.attend(self.normed(x, self.input_norm), cosine, sine)
        n = self.normed(x, self.post_norm)
        return x + self.down_proj(F.silu(self.gate_proj(n)) * self.up_proj(n))

    def normed(self, x, weight):
        return F.rms_norm(x, (x.shape[-1],), weight.to(x.dtype), self.epsilon)

    def attend(self, n, cosine, sine):
        rows, length, _ = n.shape
        q = self.q_proj(n).view(rows, length, self.heads, -1).transpose(1, 2)
        k = self.k_proj(n).view(rows, length, self.kv_heads, -1).transpose(1, 2)
        v = self.v_proj(n).view(rows, length, self.kv_heads, -1).transpose(1, 2)
        q, k = rotate(q, cosine, sine), rotate(k, cosine, sine)
        out = F.scaled_dot_product_attention(
            q, k, v, is_causal=True, enable_gqa=self.heads != self.kv_heads
        )
        return self.o_proj(out.transpose(1, 2).reshape(rows, length, -1))


def rotate(x, cosine, sine):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


class PlainModel(nn.Module):
    def __init__(self, config, rank, scale, weights, adapter, device, dtype):
        super().__init__()
        hidden = config["hidden_size"]
        head_dim = config.get("head_dim") or hidden // config["num_attention_heads"]
        sizes = {
            "q_proj": (config["num_attention_heads"] * head_dim, hidden),
            "k_proj": (config["num_key_value_heads"] * head_dim, hidden),
            "v_proj": (config["num_key_value_heads"] * head_dim, hidden),
            "o_proj": (hidden, config["num_attention_heads"] * head_dim),
            "gate_proj": (config["intermediate_size"], hidden),
            "up_proj": (config["intermediate_size"], hidden),
            "down_proj": (hidden, config["intermediate_size"]),
        }

        def weight(name, *shape):
            if weights:
                return weights[name].to(device=device, dtype=dtype)
            made = torch.empty(shape, device=device, dtype=dtype)
            return made.fill_(1) if len(shape) == 1 else made.normal_(0, shape[1] ** -0.5)

        def linear(layer):
            def make(module):
                part = "self_attn" if module in MODULES[:4] else "mlp"
                path = f"model.layers.{layer}.{part}.{module}"
                out, into = sizes[module]
                if adapter:
                    a = adapter[f"base_model.model.{path}.lora_A.weight"].to(device)
                    b = adapter[f"base_model.model.{path}.lora_B.weight"].to(device)
                else:
                    a = torch.empty(rank, into, device=device).uniform_(-(into**-0.5), into**-0.5)
                    b = torch.zeros(out, rank, device=device)
                return PlainLinear(weight(f"{path}.weight", out, into), a, b, scale)

            return make

        vocabulary = config["vocab_size"]
        self.epsilon = config["rms_norm_eps"]
        self.embedding = nn.Parameter(
            weight("model.embed_tokens.weight", vocabulary, hidden), requires_grad=False
        )
        self.layers = nn.ModuleList(
            PlainLayer(
                config,
                linear(layer),
                [
                    weight(f"model.layers.{layer}.{name}.weight", hidden)
                    for name in ("input_layernorm", "post_attention_layernorm")
                ],
            )
            for layer in range(config["num_hidden_layers"])
        )
        self.norm = nn.Parameter(weight("model.norm.weight", hidden), requires_grad=False)
        self.lm_head = nn.Parameter(
            weight("lm_head.weight", vocabulary, hidden), requires_grad=False
        )
        theta = config.get("rope_theta") or config["rope_parameters"]["rope_theta"]
        self.frequencies = theta ** (
            -torch.arange(0, head_dim, 2, device=device, dtype=torch.float32) / head_dim
        )
        self.checkpointed = False

    def head(self):
        return self.lm_head

    def hidden(self, tokens):
        angles = torch.outer(
            torch.arange(tokens.shape[1], device=tokens.device, dtype=torch.float32),
            self.frequencies,
        )
        x = F.embedding(tokens, self.embedding)
        cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        for layer in self.layers:
            if self.checkpointed:
                x = torch.utils.checkpoint.checkpoint(layer, x, cosine, sine, use_reentrant=False)
            else:
                x = layer(x, cosine, sine)
        return F.rms_norm(x, (x.shape[-1],), self.norm.to(x.dtype), self.epsilon)

    def own_loss(self, tokens):
        logits = F.linear(self.hidden(tokens), self.lm_head).float()
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())

    def checkpointing(self, on):
        self.checkpointed = on

    def casting(self, under_autocast):
        return contextlib.nullcontext()


class ChunkedLoss(torch.autograd.Function):
    """Mean cross-entropy of rows whose logits, and whose gradient, are made some at a time.

    hidden (n, d), head (V, d) frozen, targets (n); one pass, nothing is computed twice.
    """

    @staticmethod
    def forward(ctx, hidden, head, targets, chunk):
        n = hidden.shape[0]
        gradient = torch.empty_like(hidden)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        with torch.autocast(hidden.device.type, enabled=False):
            for start in range(0, n, chunk):
                rows = slice(start, min(start + chunk, n))
                logits = (hidden[rows] @ head.T).float()
                wanted = targets[rows].unsqueeze(1)
                normalizer = torch.logsumexp(logits, dim=1, keepdim=True)
                total += (normalizer - logits.gather(1, wanted)).sum()
                logits.sub_(normalizer).exp_()
                logits.scatter_add_(1, wanted, torch.full_like(normalizer, -1))
                gradient[rows] = (logits.to(head.dtype) @ head) / n
        ctx.save_for_backward(gradient)
        return total / n

    @staticmethod
    def backward(ctx, scale):
        (gradient,) = ctx.saved_tensors
        return gradient * scale.to(gradient.dtype), None, None, None


# ---- measuring ----


def measure(model, layers, adapter, beginning, tokens, step, variant, options, device):
    wanted = base_type(options) if "bf16" in variant else torch.float32
    for parameter, start in zip(adapter, beginning):
        parameter.data = start.to(wanted).clone()
        parameter.grad = None
    model.checkpointing("checkpointing" in variant)
    if "compile" in variant:
        for layer in layers:
            layer.compile()
    optimizer = torch.optim.AdamW(
        adapter,
        lr=step["learning_rate"],
        betas=(step["beta1"], step["beta2"]),
        eps=step["epsilon"],
        weight_decay=step["weight_decay"],
        fused=True,
    )
    autocast = wanted != base_type(options)

    def take():
        with model.casting(autocast):
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=autocast):
                if "library" in variant:
                    loss = model.own_loss(tokens)
                else:
                    hidden = model.hidden(tokens)[:, :-1].reshape(-1, model.head().shape[1])
                    loss = ChunkedLoss.apply(
                        hidden, model.head(), tokens[:, 1:].reshape(-1), options.chunk
                    )
            loss.backward()
        torch.nn.utils.clip_grad_norm_(adapter, step["max_grad_norm"], foreach=True)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with attention(variant, device):
        losses = [take() for _ in range(WARM_UP)]
        clocks = [Clock(device)]
        for _ in range(options.rounds):
            losses.append(take())
            clocks.append(Clock(device))
    if device.type == "cuda":
        torch.cuda.synchronize()
    seconds = [before.until(after) for before, after in zip(clocks, clocks[1:])]
    result = {
        "tokens_per_second": tokens.numel() / statistics.median(seconds),
        "step_seconds": seconds,
        "losses": [loss.item() for loss in losses],
    }
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info()
        result["peak_allocated_bytes"] = torch.cuda.max_memory_allocated()
        result["peak_reserved_bytes"] = torch.cuda.max_memory_reserved()
        result["device_bytes_taken"] = total - free
    return result


@contextlib.contextmanager
def attention(variant, device):
    """Flash attention and nothing else, unless told otherwise: what cannot do it is an error."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    if device.type != "cuda" or "auto" in variant:
        yield
        return
    backend = SDPBackend.CUDNN_ATTENTION if "cudnn" in variant else SDPBackend.FLASH_ATTENTION
    with sdpa_kernel([backend]):
        yield


class Clock:
    """A moment in the device's work."""

    def __init__(self, device):
        self.event = None
        self.moment = time.perf_counter()
        if device.type == "cuda":
            self.event = torch.cuda.Event(enable_timing=True)
            self.event.record()

    def until(self, other):
        if self.event is None:
            return other.moment - self.moment
        return self.event.elapsed_time(other.event) / 1e3


def reset(model, layers, adapter, device):
    """As before the variant, but for the adapter's numbers."""
    model.checkpointing(False)
    for layer in layers:
        layer._compiled_call_impl = None
    torch._dynamo.reset()
    for parameter in adapter:
        parameter.grad = None
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


# ---- reporting ----


def say(result):
    if "error" in result:
        print(f"{result['variant']:28} {result['error']}", flush=True)
        return
    memory = result.get("peak_allocated_bytes")
    print(
        f"{result['variant']:28} {result['tokens_per_second']:10.1f} tokens/s"
        f"   loss {result['losses'][0]:.4f}"
        + (f"   {memory / 1e9:.1f} GB at the peak" if memory else ""),
        flush=True,
    )


def document(options, library, tokens, results):
    """All that was measured so far."""
    measured = [result for result in results if "error" not in result]
    best = max(measured, key=lambda result: result["tokens_per_second"], default=None)
    cuda = options.device.startswith("cuda")
    found = {
        "library": library,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "precision": options.precision,
        "tokens": tokens.numel(),
        "sequence": tokens.shape[1],
        "variants": results,
    }
    if best:
        found["best"] = best["variant"]
        found["tokens_per_second"] = best["tokens_per_second"]
        found["losses"] = best["losses"]
    if options.expect and best:
        try:
            with open(options.expect, encoding="utf-8") as file:
                compare(found, json.load(file), measured)
        except (OSError, ValueError, KeyError) as e:
            found["not_compared"] = f"{type(e).__name__}: {e}"
    return found


def compare(found, graft, measured):
    """Holds each variant's losses against graft's, and the best one's rate."""
    for result in measured:
        result["loss_differences"] = [
            abs(ours - theirs) / theirs for ours, theirs in zip(result["losses"], graft["losses"])
        ]
    worst = max(result["loss_differences"][0] for result in measured)
    found["graft_losses"] = graft["losses"]
    found["graft_tokens_per_second"] = graft["tokens_per_second"]
    found["graft_by_best"] = graft["tokens_per_second"] / found["tokens_per_second"]
    found["first_loss_difference"] = worst
    found["same_loss"] = worst <= LOSS_TOLERANCE


def write(options, found):
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=2)
            file.write("\n")


def report(found):
    print(f"library   {found['library']}, torch {found['torch']} on {found['device']}")
    if "best" not in found:
        sys.exit("error: no variant could be measured")
    print(f"best      {found['best']}: {found['tokens_per_second']:.1f} tokens/s")
    if "not_compared" in found:
        print(f"note: losses are not compared: {found['not_compared']}")
    elif "graft_losses" in found:
        same = "the same" if found["same_loss"] else "NOT the same"
        print(
            f"loss      {same} at the first step: within {found['first_loss_difference']:.1e}"
            f" of graft's {found['graft_losses'][0]:.4f}"
        )
        print(f"graft     {found['graft_by_best']:.2f} times the best variant's tokens a second")


if __name__ == "__main__":
    main()
