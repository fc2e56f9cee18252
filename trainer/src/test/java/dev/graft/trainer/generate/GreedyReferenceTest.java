package dev.graft.trainer.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import dev.graft.trainer.Conformance;
import dev.graft.trainer.config.DeviceChoice;
import dev.graft.trainer.config.KernelsChoice;
import dev.graft.trainer.config.Precision;
import dev.graft.trainer.runtime.BaseModel;
import dev.graft.trainer.runtime.Hardware;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Greedy generation of a real trained model against an independent float64 forward. */
class GreedyReferenceTest {

  private static final String MODEL = "models/stories260K-hf";

  @Test
  void greedyTextFromBosIsTheReferences() throws Exception {
    Path folder = Conformance.path(MODEL);
    JsonNode reference = reference(folder);
    int[] ids = ids(reference);
    try (BaseModel base = open(folder, Precision.F32)) {
      var generator = new Generator(base, Optional.empty());
      int[] prompt = generator.continuation("");
      assertThat(prompt).containsExactly(ids[0]);
      var text = new StringBuilder();
      generator.generate(prompt, Sampler.greedy(), ids.length - 1, text::append, () -> false);
      assertThat(text.toString()).isEqualTo(base.tokenizer().decode(ids, true));
    }
  }

  @Test
  void everyGreedyIdAndItsProbability() throws Exception {
    Path folder = Conformance.path(MODEL);
    JsonNode reference = reference(folder);
    int[] ids = ids(reference);
    try (BaseModel base = open(folder, Precision.F32)) {
      List<float[]> rows = rows(base, ids);
      for (int i = 0; i + 1 < ids.length; i++) {
        assertThat(Sampler.greedy().next(rows.get(i))).as("id %d", i + 1).isEqualTo(ids[i + 1]);
        double expected = reference.get("top1_logprob").get(i).doubleValue();
        assertThat(logProbability(rows.get(i), ids[i + 1])).isCloseTo(expected, within(1e-4));
      }
    }
  }

  /** Beginnings of the reference of several lengths, among them one longer than a chunk of rows. */
  @Test
  void manyAtOnceGoOnAsTheReferenceDoes() throws Exception {
    Path folder = Conformance.path(MODEL);
    int[] ids = ids(reference(folder));
    try (BaseModel base = open(folder, Precision.F32)) {
      List<Prompt> prompts = new ArrayList<>();
      for (int length : new int[] {1, 2, 150, 33, 7, 80, 200, 64, 65}) {
        prompts.add(new Prompt(Arrays.copyOf(ids, length), ids.length - length, prompts.size()));
      }
      List<Answer> answers = new ArrayList<>();
      new Generator(base, Optional.empty())
          .generateAll(prompts, Sampling.GREEDY, 4, answers::add, () -> false);
      assertThat(answers).hasSameSizeAs(prompts);
      for (Answer answer : answers) {
        int from = answer.promptTokens();
        assertThat(answer.ids())
            .as("after %d tokens", from)
            .isEqualTo(Arrays.copyOfRange(ids, from, ids.length));
      }
    }
  }

  @Test
  void logProbabilitiesOfManyTextsAreTheReferences() throws Exception {
    Path folder = Conformance.path(MODEL);
    JsonNode reference = reference(folder);
    int[] ids = ids(reference);
    try (BaseModel base = open(folder, Precision.F32)) {
      List<Continuation> texts = new ArrayList<>();
      int[] begins = {1, 150, 33, 199, 2, 80, 1, 120};
      for (int begin : begins) {
        texts.add(
            new Continuation(
                Arrays.copyOf(ids, begin), Arrays.copyOfRange(ids, begin, ids.length)));
      }
      List<float[]> scores = new Generator(base, Optional.empty()).logProbabilities(texts);
      assertThat(scores).hasSameSizeAs(texts);
      for (int text = 0; text < begins.length; text++) {
        assertThat(scores.get(text)).hasSize(ids.length - begins[text]);
        for (int i = begins[text]; i < ids.length; i++) {
          double expected = reference.get("top1_logprob").get(i - 1).doubleValue();
          assertThat((double) scores.get(text)[i - begins[text]]).isCloseTo(expected, within(1e-4));
        }
      }
    }
  }

  @Test
  void djlProgramsGetTheSameLogitsAndTexts() throws Exception {
    Path folder = Conformance.path(MODEL);
    int[] ids = IntStream.of(ids(reference(folder))).limit(7).toArray();
    List<float[]> rows;
    try (BaseModel base = open(folder, Precision.F32)) {
      rows = rows(base, ids);
    }
    Criteria<NDList, NDList> criteria =
        Criteria.builder()
            .setTypes(NDList.class, NDList.class)
            .optEngine("graft")
            .optModelPath(folder)
            .optOption("precision", "f32")
            .build();
    try (ZooModel<NDList, NDList> model = criteria.loadModel();
        Predictor<NDList, NDList> predictor = model.newPredictor();
        NDManager manager = model.getNDManager().newSubManager()) {
      NDArray input = manager.create(IntStream.of(ids).asLongStream().toArray());
      float[] logits = predictor.predict(new NDList(input)).singletonOrThrow().toFloatArray();
      int vocabulary = rows.getFirst().length;
      assertThat(logits).hasSize(ids.length * vocabulary);
      for (int i = 0; i < logits.length; i++) {
        assertThat(logits[i]).isEqualTo(rows.get(i / vocabulary)[i % vocabulary]);
      }
    }
  }

  private static BaseModel open(Path folder, Precision precision) {
    return BaseModel.open(
        folder.toString(), Hardware.open(precision, DeviceChoice.CPU, KernelsChoice.AUTO));
  }

  private static List<float[]> rows(BaseModel base, int[] ids) {
    int vocabulary = base.config().vocabSize();
    List<float[]> rows = new ArrayList<>();
    new Generator(base, Optional.empty())
        .logits(
            ids,
            chunk -> {
              for (int from = 0; from < chunk.length; from += vocabulary) {
                rows.add(Arrays.copyOfRange(chunk, from, from + vocabulary));
              }
            });
    return rows;
  }

  private static double logProbability(float[] logits, int id) {
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - logits[id]);
    }
    return -Math.log(sum);
  }

  private static JsonNode reference(Path folder) throws Exception {
    return JsonMapper.shared().readTree(Files.readString(folder.resolve("reference.json")));
  }

  private static int[] ids(JsonNode reference) {
    return reference.get("ids").valueStream().mapToInt(JsonNode::intValue).toArray();
  }
}
