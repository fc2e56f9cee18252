package dev.graft.trainer.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.DType;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.model.BatchDecoder;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.runtime.BaseModel;
import dev.graft.trainer.tensor.ElementType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Many texts at once are the texts that each prompt gets alone, to the bit. */
class BatchGenerationTest {

  private static final Path QUICKSTART =
      Path.of(System.getProperty("graft.root", ".."), "configs/quickstart/model");

  @ParameterizedTest
  @EnumSource(
      value = ElementType.class,
      names = {"F32", "BF16"})
  void answersAreThoseOfEachPromptAlone(ElementType act) {
    try (BaseModel base = BaseModel.open(QUICKSTART.toString(), new CpuKernels(act, 2))) {
      var generator = new Generator(base, Optional.empty());
      List<Prompt> prompts = prompts(base.config().vocabSize());
      Sampling sampling = new Sampling(0.9, 0.95);
      List<Answer> alone = new ArrayList<>();
      for (Prompt prompt : prompts) {
        generator.generateAll(List.of(prompt), sampling, 1, alone::add, () -> false);
      }
      for (int atOnce : new int[] {2, 7}) {
        List<Answer> together = answers(generator, prompts, sampling, atOnce);
        assertThat(together).hasSameSizeAs(prompts);
        for (int i = 0; i < prompts.size(); i++) {
          assertThat(together.get(i).index()).isEqualTo(i);
          assertThat(together.get(i).ids()).as("prompt %d", i).isEqualTo(alone.get(i).ids());
          assertThat(together.get(i).text()).isEqualTo(alone.get(i).text());
          assertThat(together.get(i).end()).isEqualTo(alone.get(i).end());
          assertThat(together.get(i).promptTokens()).isEqualTo(prompts.get(i).ids().length);
        }
      }
    }
  }

  @Test
  void oneAloneIsWhatStreamingGives() {
    try (BaseModel base =
        BaseModel.open(QUICKSTART.toString(), new CpuKernels(ElementType.F32, 2))) {
      var generator = new Generator(base, Optional.empty());
      Prompt prompt = prompts(base.config().vocabSize()).get(3);
      var text = new StringBuilder();
      TextGeneration.Result streamed =
          generator.generate(
              prompt.ids(),
              new Sampler(0.9, 0.95, prompt.seed()),
              prompt.maxTokens(),
              text::append,
              () -> false);
      Answer answer =
          answers(generator, List.of(prompt, prompt), new Sampling(0.9, 0.95), 2).getLast();
      assertThat(answer.text()).isEqualTo(text.toString());
      assertThat(answer.ids()).hasSize(streamed.generatedTokens());
      assertThat(answer.end()).isEqualTo(streamed.end());
    }
  }

  @Test
  void aStopEndsWhatIsBeingWrittenAndBeginsNothing() {
    try (BaseModel base =
        BaseModel.open(QUICKSTART.toString(), new CpuKernels(ElementType.F32, 2))) {
      var generator = new Generator(base, Optional.empty());
      List<Prompt> prompts = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        prompts.add(new Prompt(new int[] {1, 5 + i}, 50, i));
      }
      var asked = new AtomicInteger();
      List<Answer> answers = new ArrayList<>();
      generator.generateAll(
          prompts, Sampling.GREEDY, 2, answers::add, () -> asked.incrementAndGet() > 6);
      assertThat(answers).extracting(Answer::index).containsExactlyInAnyOrder(0, 1);
      assertThat(answers).allMatch(a -> a.end() == TextGeneration.End.STOPPED);
      assertThat(answers).allMatch(a -> a.ids().length > 1 && a.ids().length < 50);
    }
  }

  @Test
  void aPromptThatLeavesNoRoomIsRefused() {
    try (BaseModel base =
        BaseModel.open(QUICKSTART.toString(), new CpuKernels(ElementType.F32, 2))) {
      var generator = new Generator(base, Optional.empty());
      int[] tooLong = new int[generator.longest()];
      Arrays.fill(tooLong, 5);
      List<Prompt> prompts = List.of(new Prompt(new int[] {1}, 5, 0), new Prompt(tooLong, 5, 0));
      assertThatThrownBy(() -> answers(generator, prompts, Sampling.GREEDY, 2))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("prompt 2 has " + tooLong.length + " tokens");
    }
  }

  /** Logits rather than tokens, in a model with a window, shared keys and an odd vocabulary. */
  @ParameterizedTest
  @EnumSource(
      value = ElementType.class,
      names = {"F32", "BF16"})
  void logitsDoNotDependOnTheOthersNorOnThePlaceInTheCache(ElementType act, @TempDir Path folder) {
    RandomCheckpoint.mistral()
        .layers(2)
        .hiddenSize(48)
        .intermediateSize(71)
        .heads(6)
        .kvHeads(2)
        .headDim(10)
        .vocabSize(131)
        .slidingWindow(9)
        .dtype(DType.BF16)
        .write(folder);
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        CpuKernels kernels = new CpuKernels(act, 2)) {
      Llama model = Llama.load(kernels, checkpoint);
      Random random = new Random(5);
      int[][] texts = new int[70][];
      for (int i = 0; i < texts.length; i++) {
        texts[i] = random.ints(4 + i % 17, 0, 131).toArray();
      }
      BatchDecoder decoder = model.batchDecoder(64, 40, 64 * 40, StackedRanks.NONE);
      for (int atOnce : new int[] {1, 2, 3, 4, 5, 13, 64}) {
        List<BatchDecoder.Sequence> sequences = new ArrayList<>();
        int[] next = new int[atOnce];
        for (int i = 0; i < atOnce; i++) {
          BatchDecoder.Sequence sequence = Objects.requireNonNull(decoder.open(20 + i % 21));
          sequences.add(sequence);
          int[] text = texts[i];
          decoder.read(sequence, Arrays.copyOf(text, text.length - 1));
          next[i] = text[text.length - 1];
        }
        float[] together = decoder.next(sequences, next);
        sequences.forEach(decoder::close);
        for (int i = 0; i < atOnce; i++) {
          var alone = model.decoder(40, StackedRanks.NONE);
          alone.next(Arrays.copyOf(texts[i], texts[i].length - 1));
          assertThat(Arrays.copyOfRange(together, i * 131, (i + 1) * 131))
              .as("text %d of %d", i, atOnce)
              .containsExactly(alone.next(new int[] {next[i]}));
        }
      }
    }
  }

  private static List<Answer> answers(
      Generator generator, List<Prompt> prompts, Sampling sampling, int atOnce) {
    List<Answer> answers = new ArrayList<>();
    generator.generateAll(prompts, sampling, atOnce, answers::add, () -> false);
    answers.sort((a, b) -> Integer.compare(a.index(), b.index()));
    return answers;
  }

  /** Of all lengths, so that places in a step and in the cache change hands. */
  private static List<Prompt> prompts(int vocabulary) {
    Random random = new Random(11);
    List<Prompt> prompts = new ArrayList<>();
    for (int i = 0; i < 15; i++) {
      int[] ids = random.ints(1 + 7 * (i % 5), 3, vocabulary).toArray();
      prompts.add(new Prompt(ids, 1 + random.nextInt(24), 100 + i));
    }
    return prompts;
  }
}
