package dev.graft.trainer.compare.contestant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.EncodingOptions;
import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.Conformance;
import dev.graft.trainer.config.DeviceChoice;
import dev.graft.trainer.config.KernelsChoice;
import dev.graft.trainer.config.Precision;
import dev.graft.trainer.generate.Generator;
import dev.graft.trainer.generate.Sampling;
import dev.graft.trainer.runtime.BaseModel;
import dev.graft.trainer.runtime.Hardware;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Likelihoods of a trained model against a softmax written out in double. */
class LocalModelTest {

  private static final Path MODEL = Conformance.path("models/stories260K-hf");
  private static final Path ADAPTER = Conformance.path("lora-training/stories260K/final_adapter");

  /** A layout that writes something after an answer, which is not the answer's. */
  private static final String TEMPLATE =
      """
      {%- for m in messages -%}
      {%- if m.role == 'assistant' -%}
      {% generation %}{{ m.content }}</s>{% endgeneration %} end
      {%- else -%}
      {{ m.role }}: {{ m.content }}
      {%- endif -%}
      {%- endfor -%}
      """;

  @TempDir Path folder;

  private static BaseModel base() {
    return BaseModel.open(
        MODEL.toString(), Hardware.open(Precision.F32, DeviceChoice.AUTO, KernelsChoice.AUTO));
  }

  /** More than go through at once, of many lengths, one of which is too long to be read. */
  private static List<Example> examples() {
    return IntStream.range(0, 35)
        .mapToObj(i ->
            new Example(
                "e" + i,
                List.of(Message.human("Once upon a time there was a girl. ".repeat(1 + i % 5))),
                "She had " + (i == 7 ? "a long story. ".repeat(80) : "a dog and ".repeat(i) + i)))
        .toList();
  }

  @Test
  void aLikelihoodIsTheSumOverTheAnswerAndItsEnd() throws Exception {
    Path template = Files.writeString(folder.resolve("t.jinja"), TEMPLATE);
    check(Optional.empty(), "plain");
    check(Optional.of(ADAPTER), template.toString());
  }

  private static void check(Optional<Path> adapter, String layout) {
    try (BaseModel base = base();
        LocalModel model = model(base(), adapter, layout)) {
      Map<Example, Likelihood> found = new LinkedHashMap<>();
      model.likelihoods(examples(), found::put, () -> false);

      assertThat(found.keySet()).containsExactlyElementsOf(examples());
      Generator reader = new Generator(base, adapter);
      found.forEach((example, likelihood) -> {
        Likelihood expected = expected(example, base, reader, layout);
        assertThat(likelihood.tokens()).isEqualTo(expected.tokens());
        // Float losses of tens of tokens.
        assertThat(likelihood.negativeLogLikelihood())
            .isCloseTo(
                expected.negativeLogLikelihood(),
                within(2e-5 * Math.max(1, expected.negativeLogLikelihood())));
      });
      assertThat(found.get(examples().get(7))).isEqualTo(Likelihood.NONE);
      assertThat(Objects.requireNonNull(found.get(examples().get(8))).tokens()).isGreaterThan(20);
    }
  }

  private static LocalModel model(BaseModel base, Optional<Path> adapter, String template) {
    return new LocalModel(
        "m",
        base,
        adapter,
        new Prompting(Optional.of("Be kind."), List.of()),
        template,
        8,
        new Sampling(0, 1),
        1,
        4);
  }

  /** From the logits of the whole text, one example alone. */
  private static Likelihood expected(
      Example example, BaseModel base, Generator reader, String template) {
    var messages = new ArrayList<Message>();
    messages.add(Message.system("Be kind."));
    messages.addAll(example.prompt());
    messages.add(Message.assistant(example.reference()));
    TokenSequence tokens =
        new ConversationEncoder(
                base.tokenizer(),
                ChatFormats.forBase(base.folder(), template).format(),
                new EncodingOptions(EncodingOptions.TrainOn.LAST_ASSISTANT, false, false))
            .encode(new Conversation(messages));
    if (tokens.length() > base.config().maxPositionEmbeddings()) {
      return new Likelihood(0, 0);
    }
    int vocabulary = base.config().vocabSize();
    var logits = new ArrayList<float[]>();
    reader.logits(
        tokens.inputIds(),
        chunk -> {
          for (int from = 0; from < chunk.length; from += vocabulary) {
            logits.add(Arrays.copyOfRange(chunk, from, from + vocabulary));
          }
        });
    double sum = 0;
    int count = 0;
    for (int i = 1; i < tokens.length(); i++) {
      if (tokens.target()[i]) {
        double total = 0;
        for (float logit : logits.get(i - 1)) {
          total += Math.exp(logit);
        }
        sum += Math.log(total) - logits.get(i - 1)[tokens.inputIds()[i]];
        count++;
      }
    }
    return new Likelihood(sum, count);
  }

  @Test
  void whatIsStoppedIsNotRead() {
    try (LocalModel model = model(base(), Optional.empty(), "plain")) {
      Map<Example, Likelihood> found = new LinkedHashMap<>();
      model.likelihoods(examples(), found::put, () -> !found.isEmpty());

      assertThat(found).hasSizeBetween(1, 34);
    }
  }
}
