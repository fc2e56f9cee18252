package dev.graft.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.DType;
import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelWeights;
import dev.graft.modelio.TensorView;
import dev.graft.modelio.VocabularyModule;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.gguf.GgufLora;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import dev.graft.modelio.peft.VocabularyLora;
import dev.graft.modelio.safetensors.SafetensorsFile;
import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.TokenBatch.Sequence;
import dev.graft.trainer.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Adapters of the embedding and the output projection against their definition, a weight W + s · U
 * V written out in double.
 */
class VocabularyLoraTest {

  private static final int VOCABULARY = OddModel.VOCABULARY;
  private static final int MORE_THAN_A_CHUNK = 262;

  @TempDir Path folder;
  private Path base;

  @BeforeEach
  void writeBase() {
    base = OddModel.random().write(folder.resolve("base"));
  }

  private static PeftConfig config(String... targets) {
    return new PeftConfig(
        3,
        7,
        0,
        new TargetModules.Names(List.of(targets)),
        false,
        "base",
        Map.of("lm_head", 5),
        Map.of("embed_tokens", 2.5),
        null);
  }

  private static Kernels exact() {
    return new ReferenceKernels(DataType.DOUBLE, ElementType.F32);
  }

  /**
   * @param longest tokens of the longest sequence
   */
  private static TokenBatch batch(int longest) {
    Random random = new Random(23);
    List<Sequence> sequences = new ArrayList<>();
    for (int length : new int[] {13, 1, 7, longest}) {
      boolean[] target = new boolean[length];
      for (int i = 0; i < length; i++) {
        target[i] = length > 100 || random.nextInt(3) > 0;
      }
      sequences.add(new Sequence(random.ints(length, 0, VOCABULARY).toArray(), target));
    }
    return TokenBatch.of(sequences);
  }

  /** A model with an adapter that is far from its beginning. */
  private static final class Subject {
    final Llama model;
    final LoraAdapter adapter;
    final TrainingPass pass;

    Subject(Kernels kernels, Checkpoint checkpoint, Recompute recompute, String... targets) {
      this.model = Llama.load(kernels, checkpoint);
      this.adapter = LoraAdapter.initialized(config(targets), model, 3);
      this.pass = model.trainingPass(320, adapter.ranks(), true, recompute);
    }

    Subject moved() {
      Random random = new Random(29);
      for (long i = 0; i < adapter.size(); i++) {
        adapter.parameters().putScalar(i, 0.2 * random.nextGaussian());
      }
      adapter.refresh();
      return this;
    }

    INDArray gradient(TokenBatch batch, Dropout dropout) {
      adapter.clearGradients();
      pass.lossAndGradient(batch, 1f, dropout);
      adapter.collectGradients();
      return adapter.gradients().dup();
    }
  }

  /** The base with W + s · U V in place of what is adapted. */
  private static ModelWeights merged(ModelWeights weights, PeftAdapter adapter) {
    Map<String, TensorView> changed = new HashMap<>();
    for (VocabularyLora lora : adapter.vocabulary()) {
      boolean head = lora.module() == VocabularyModule.LM_HEAD;
      double scale = head ? 7.0 / 5 : 2.5 / 3;
      String name = head ? "lm_head.weight" : "model.embed_tokens.weight";
      float[] w = weights.tensor(name).toFloats();
      int width = w.length / VOCABULARY;
      ByteBuffer bytes = ByteBuffer.allocateDirect(4 * w.length).order(ByteOrder.nativeOrder());
      for (int i = 0; i < w.length; i++) {
        double update = 0;
        for (int r = 0; r < lora.rank(); r++) {
          update +=
              (double) lora.tokens()[i / width * lora.rank() + r]
                  * lora.hidden()[r * width + i % width];
        }
        bytes.putFloat(4 * i, (float) (w[i] + scale * update));
      }
      changed.put(
          name,
          new TensorView(
              name, DType.F32, weights.tensor(name).shape(), MemorySegment.ofBuffer(bytes)));
    }
    return new ModelWeights() {
      @Override
      public ModelConfig config() {
        return weights.config();
      }

      @Override
      public TensorView tensor(String name) {
        return changed.getOrDefault(name, weights.tensor(name));
      }
    };
  }

  @ParameterizedTest
  @CsvSource({"lm_head", "embed_tokens"})
  void theForwardIsThatOfTheMergedWeights(String target) {
    TokenBatch batch = batch(target.equals("lm_head") ? MORE_THAN_A_CHUNK : 19);
    try (Kernels kernels = exact();
        Kernels others = exact();
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Subject subject = new Subject(kernels, checkpoint, Recompute.NONE, target);
      Llama alone = Llama.load(others, checkpoint);
      double bare = alone.trainingPass(320, StackedRanks.NONE, false).loss(batch);
      assertThat(subject.pass.loss(batch)).isCloseTo(bare, within(1e-12 * bare));
      subject.moved();
      Llama merged = Llama.load(others, merged(checkpoint, subject.adapter.toPeft()));
      double expected = merged.trainingPass(320, StackedRanks.NONE, false).loss(batch);
      assertThat(subject.pass.loss(batch)).isCloseTo(expected, within(2e-6 * expected));
      assertThat(Math.abs(bare - expected)).isGreaterThan(1e-3 * expected);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "lm_head, 0",
    "lm_head, 0.3",
    "embed_tokens, 0",
    "'embed_tokens,v_proj,lm_head', 0.2"
  })
  void gradientsAreTheSlopesOfTheLoss(String targets, float rate) {
    Dropout dropout = new Dropout(rate, 5, 2);
    TokenBatch batch = batch(targets.equals("lm_head") ? MORE_THAN_A_CHUNK : 19);
    try (Kernels kernels = exact();
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Subject subject =
          new Subject(kernels, checkpoint, Recompute.NONE, targets.split(",")).moved();
      INDArray gradient = subject.gradient(batch, dropout);
      INDArray start = subject.adapter.parameters().dup();
      Random random = new Random(17);
      for (ParameterGroup group : subject.adapter.groups()) {
        INDArray d = gradient.dup().muli(0);
        for (long i = group.from(); i < group.to(); i++) {
          d.putScalar(i, gradient.getDouble(i) + 0.3 * random.nextGaussian());
        }
        d.divi(d.norm2Number());
        double slope = gradient.mul(d).sumNumber().doubleValue();
        double h = 1e-3;
        double[] loss = new double[2];
        for (int side = 0; side < 2; side++) {
          subject.adapter.parameters().assign(start.add(d.mul(side == 0 ? -h : h)));
          subject.adapter.refresh();
          loss[side] = subject.pass.lossAndGradient(batch, 1f, dropout);
        }
        double difference = (loss[1] - loss[0]) / (2 * h);
        assertThat(difference).as("%s", group).isCloseTo(slope, within(3e-3 * Math.abs(slope)));
      }
    }
  }

  @Test
  void cpuReferenceAndRecomputingAgree() {
    INDArray expected = gradient(exact(), Recompute.NONE);
    INDArray actual = gradient(new CpuKernels(ElementType.F32, 2), Recompute.NONE);
    double error = actual.sub(expected).norm2Number().doubleValue();
    assertThat(error).isLessThan(1e-5 * expected.norm2Number().doubleValue());
    assertThat(gradient(new CpuKernels(ElementType.F32, 2), Recompute.LAYERS).toFloatVector())
        .containsExactly(actual.toFloatVector());
  }

  private INDArray gradient(Kernels made, Recompute recompute) {
    try (Kernels kernels = made;
        Checkpoint checkpoint = Checkpoint.open(base)) {
      return new Subject(kernels, checkpoint, recompute, "embed_tokens", "q_proj", "lm_head")
          .moved()
          .gradient(batch(MORE_THAN_A_CHUNK), Dropout.OFF);
    }
  }

  /** Token by token and all at once, the model says the same. */
  @Test
  void decodingIsTheForward() {
    try (Kernels kernels = new CpuKernels(ElementType.F32, 2);
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Subject subject =
          new Subject(kernels, checkpoint, Recompute.NONE, "embed_tokens", "lm_head").moved();
      int[] ids = new Random(3).ints(9, 0, VOCABULARY).toArray();
      boolean[] targets = new boolean[ids.length];
      Arrays.fill(targets, true);
      TokenBatch batch = TokenBatch.of(List.of(new Sequence(ids, targets)));
      double expected = subject.pass.loss(batch);
      double scored = 0;
      for (float loss : subject.model.scoringPass(16, subject.adapter.ranks()).losses(batch)) {
        scored += loss;
      }
      Decoder decoder = subject.model.decoder(ids.length, subject.adapter.ranks());
      double decoded = 0;
      for (int i = 0; i + 1 < ids.length; i++) {
        float[] logits = decoder.next(new int[] {ids[i]});
        double total = 0;
        for (float logit : logits) {
          total += Math.exp(logit);
        }
        decoded += Math.log(total) - logits[ids[i + 1]];
      }
      assertThat(scored).isCloseTo(expected, within(1e-5 * expected));
      assertThat(decoded).isCloseTo(expected, within(1e-5 * expected));
    }
  }

  /** PEFT's names and shapes, and llama.cpp's; both come back as they were. */
  @Test
  void filesHoldThemByTheNamesOfOthers() {
    try (Kernels kernels = exact();
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Subject subject =
          new Subject(kernels, checkpoint, Recompute.NONE, "embed_tokens", "k_proj", "lm_head")
              .moved();
      PeftAdapter adapter = subject.adapter.toPeft();
      Path peft = folder.resolve("peft");
      adapter.write(peft, false);
      try (SafetensorsFile file = SafetensorsFile.open(peft.resolve(PeftAdapter.WEIGHTS_FILE))) {
        String prefix = "base_model.model.";
        assertThat(file.info(prefix + "lm_head.lora_A.weight").shape()).containsExactly(5L, 28L);
        assertThat(file.info(prefix + "lm_head.lora_B.weight").shape()).containsExactly(61L, 5L);
        String embedding = prefix + "model.embed_tokens.lora_embedding_";
        assertThat(file.info(embedding + "A").shape()).containsExactly(3L, 61L);
        assertThat(file.info(embedding + "B").shape()).containsExactly(28L, 3L);
        float[] a = file.tensor(embedding + "A").toFloats();
        VocabularyLora own = adapter.vocabulary().getFirst();
        assertThat(own.module()).isEqualTo(VocabularyModule.EMBED_TOKENS);
        assertThat(a[2 * 61 + 40]).isEqualTo(own.tokens()[40 * 3 + 2]);
      }
      assertThat(PeftAdapter.read(peft, checkpoint.config()).vocabulary())
          .usingRecursiveFieldByFieldElementComparator()
          .isEqualTo(adapter.vocabulary());

      Path gguf = folder.resolve("adapter.gguf");
      GgufLora.write(gguf, adapter, checkpoint.config(), "name");
      PeftAdapter back = GgufLora.read(gguf, checkpoint.config());
      for (int i = 0; i < 2; i++) {
        VocabularyLora one = adapter.vocabulary().get(i);
        VocabularyLora other = back.vocabulary().get(i);
        String path = one.module().path();
        double scale = adapter.config().scale(path) / back.config().scale(path);
        for (int token = 0; token < VOCABULARY; token += 7) {
          for (int column = 0; column < 28; column += 5) {
            assertThat(element(other, token, column))
                .isCloseTo(scale * element(one, token, column), within(1e-6));
          }
        }
      }
    }
  }

  private static double element(VocabularyLora lora, int token, int column) {
    double sum = 0;
    for (int r = 0; r < lora.rank(); r++) {
      sum +=
          (double) lora.tokens()[token * lora.rank() + r]
              * lora.hidden()[r * lora.width() + column];
    }
    return sum;
  }
}
