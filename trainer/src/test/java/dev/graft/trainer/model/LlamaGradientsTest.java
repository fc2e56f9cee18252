package dev.graft.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.Projection;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.TokenBatch.Sequence;
import dev.graft.trainer.tensor.ElementType;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The whole model's backward against central differences of its forward, on a small random Mistral
 * whose shapes are odd on purpose: 6 query heads on 2 key heads of 10 elements each, which is not
 * hidden / heads, and a window of 5 tokens.
 */
class LlamaGradientsTest {

  private static final List<Projection> SOME =
      List.of(Projection.Q_PROJ, Projection.V_PROJ, Projection.UP_PROJ, Projection.DOWN_PROJ);

  @TempDir Path folder;
  private Path base;

  @BeforeEach
  void writeBase() {
    base =
        RandomCheckpoint.mistral()
            .hiddenSize(28)
            .intermediateSize(36)
            .layers(3)
            .heads(6)
            .kvHeads(2)
            .headDim(10)
            .vocabSize(61)
            .slidingWindow(5)
            .tied(false)
            .seed(11)
            .write(folder.resolve("base"));
  }

  @Test
  void gradientsAreTheSlopesOfTheLoss() {
    assertSlopes(config(List.of(Projection.values()), 5, false), Dropout.OFF);
  }

  @Test
  void gradientsOfSomeTargetsWithRslora() {
    assertSlopes(config(SOME, 3, true), Dropout.OFF);
  }

  @Test
  void gradientsUnderDropout() {
    assertSlopes(config(List.of(Projection.values()), 4, false), new Dropout(0.3f, 5, 2));
  }

  private static PeftConfig config(List<Projection> targets, int rank, boolean rslora) {
    return PeftConfig.of(rank, 7, 0, targets, rslora, "base");
  }

  /** The derivative along a random direction, by differences and by the gradient. */
  private void assertSlopes(PeftConfig peft, Dropout dropout) {
    try (Kernels kernels = new ReferenceKernels(DataType.DOUBLE, ElementType.F32);
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Subject subject = new Subject(kernels, checkpoint, peft, dropout);
      subject.gradient();
      INDArray gradient = subject.adapter.gradients().dup();
      Random random = new Random(17);
      for (int direction = 0; direction < 3; direction++) {
        INDArray d = gradient.dup();
        double size = gradient.norm2Number().doubleValue() / Math.sqrt(d.length());
        for (int i = 0; i < d.length(); i++) {
          // Half along the gradient, so that the slope is large against rounding.
          d.putScalar(i, gradient.getDouble(i) + size * random.nextGaussian());
        }
        d.divi(d.norm2Number());
        double slope = gradient.mul(d).sumNumber().doubleValue();
        float h = 1e-3f;
        double difference = (subject.lossAt(d, h) - subject.lossAt(d, -h)) / (2 * h);
        // The differences' own error is h² times the third derivative, and float rounding / h.
        assertThat(difference).isCloseTo(slope, within(2e-3 * Math.abs(slope)));
      }
    }
  }

  @Test
  void cpuAndReferenceGiveTheSameGradients() {
    PeftConfig peft = config(List.of(Projection.values()), 5, false);
    INDArray expected = gradient(new ReferenceKernels(DataType.DOUBLE, ElementType.F32), peft);
    INDArray actual = gradient(new CpuKernels(ElementType.F32, 2), peft);
    double error = actual.sub(expected).norm2Number().doubleValue();
    assertThat(error).isLessThan(1e-5 * expected.norm2Number().doubleValue());
  }

  private INDArray gradient(Kernels made, PeftConfig peft) {
    try (Kernels kernels = made;
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Subject subject = new Subject(kernels, checkpoint, peft, Dropout.OFF);
      subject.gradient();
      return subject.adapter.gradients().dup();
    }
  }

  @Test
  void packedAndUnpackedLossesAreEqual() {
    try (Kernels kernels = new CpuKernels(ElementType.F32, 2);
        Checkpoint checkpoint = Checkpoint.open(base)) {
      PeftConfig peft = config(SOME, 3, false);
      Subject subject = new Subject(kernels, checkpoint, peft, Dropout.OFF);
      double packed = subject.pass.loss(subject.batch);
      double apart = 0;
      for (Sequence sequence : sequences()) {
        apart += subject.pass.loss(TokenBatch.of(List.of(sequence)));
      }
      assertThat(packed).isCloseTo(apart, within(1e-5 * apart));
    }
  }

  private static List<Sequence> sequences() {
    Random random = new Random(23);
    return IntStream.of(13, 1, 7, 22)
        .mapToObj(length -> {
          int[] ids = random.ints(length, 0, 61).toArray();
          boolean[] target = new boolean[length];
          for (int i = 0; i < length; i++) {
            target[i] = random.nextInt(3) > 0;
          }
          return new Sequence(ids, target);
        })
        .toList();
  }

  /** A model with an adapter whose B is not zero, and a batch. */
  private static final class Subject {
    final LoraAdapter adapter;
    final TrainingPass pass;
    final TokenBatch batch = TokenBatch.of(sequences());
    final Dropout dropout;
    final INDArray start;

    Subject(Kernels kernels, Checkpoint checkpoint, PeftConfig peft, Dropout dropout) {
      Llama model = Llama.load(kernels, checkpoint);
      this.adapter = LoraAdapter.initialized(peft, model, 3);
      this.pass = model.trainingPass(64, adapter.ranks(), true);
      this.dropout = dropout;
      Random random = new Random(29);
      for (long i = 0; i < adapter.size(); i++) {
        adapter.parameters().putScalar(i, 0.2 * random.nextGaussian());
      }
      adapter.refresh();
      this.start = adapter.parameters().dup();
    }

    void gradient() {
      adapter.clearGradients();
      pass.lossAndGradient(batch, 1f, dropout);
      adapter.collectGradients();
    }

    double lossAt(INDArray direction, float h) {
      adapter.parameters().assign(start.add(direction.mul(h)));
      adapter.refresh();
      return pass.lossAndGradient(batch, 1f, dropout);
    }
  }
}
