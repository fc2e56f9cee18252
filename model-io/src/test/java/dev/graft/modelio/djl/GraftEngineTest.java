package dev.graft.modelio.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.MalformedModelException;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import dev.graft.modelio.Conformance;
import dev.graft.modelio.DType;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GraftEngineTest {
  @TempDir Path temp;
  private Path folder;

  @BeforeEach
  void writeModel() {
    folder = RandomCheckpoint.llama().dtype(DType.BF16).vocabSize(31).write(temp.resolve("m"));
  }

  private Criteria.Builder<NDList, NDList> criteria() {
    return Criteria.builder()
        .setTypes(NDList.class, NDList.class)
        .optEngine("graft")
        .optModelPath(folder);
  }

  @Test
  void aDjlProgramLoadsAFolderAndPredicts() throws Exception {
    try (ZooModel<NDList, NDList> model = criteria().build().loadModel();
        Predictor<NDList, NDList> predictor = model.newPredictor()) {
      NDManager manager = model.getNDManager();
      NDList result = predictor.predict(new NDList(manager.create(new long[] {5, 30, 0})));

      NDArray logits = result.singletonOrThrow();
      assertThat(logits.getShape()).isEqualTo(new Shape(3, 31));
      assertThat(logits.getDataType()).isEqualTo(DataType.FLOAT32);
      float[] all = logits.toFloatArray();
      assertThat(all).hasSize(93);
      assertThat(logits.getFloat(1, 7)).isEqualTo(all[38]);
      assertThat(logits.reshape(93).getFloat(-1)).isEqualTo(all[92]);
      assertThat(logits.toString()).contains("(3, 31)", "float32");

      Checkpoint checkpoint = ((GraftModel) model.getWrappedModel()).checkpoint();
      float[] e = checkpoint.tensor(TensorNames.EMBED_TOKENS).toFloats();
      float[] h = checkpoint.lmHead().toFloats();
      double expected = 0;
      for (int i = 0; i < 32; i++) {
        expected += (double) e[30 * 32 + i] * h[7 * 32 + i];
      }
      assertThat(all[38]).isCloseTo((float) expected, within(1e-5f));
      assertThat(model.getDataType()).isEqualTo(DataType.BFLOAT16);
      assertThat(model.getArtifactNames()).contains("config.json", "model.safetensors");
      assertThat(model.describeInput().keys()).containsExactly("input_ids");
    }
  }

  @Test
  void batchesAndInt32AndOptionsWork() throws Exception {
    try (ZooModel<NDList, NDList> model =
            criteria().optModelName("any-name").optOption("temperature", "2").build().loadModel();
        Predictor<NDList, NDList> predictor = model.newPredictor();
        NDManager manager = NDManager.newBaseManager(null, "graft")) {
      NDArray ids = manager.create(new int[] {1, 2, 3, 4, 5, 6}, new Shape(2, 3));
      NDArray logits = predictor.predict(new NDList(ids)).singletonOrThrow();
      assertThat(logits.getShape()).isEqualTo(new Shape(2, 3, 31));
      NDArray one = manager.create(new long[] {6});
      float[] alone = predictor.predict(new NDList(one)).singletonOrThrow().toFloatArray();
      float[] all = logits.toFloatArray();
      for (int v = 0; v < 31; v++) {
        assertThat(alone[v]).isEqualTo(all[5 * 31 + v]);
      }
    }
  }

  @Test
  void textGoesInAndOut() throws Exception {
    Criteria<String, String> criteria =
        Criteria.builder()
            .setTypes(String.class, String.class)
            .optEngine("graft")
            .optModelPath(folder)
            .optTranslatorFactory(new GraftTranslatorFactory())
            .build();
    try (ZooModel<String, String> model = criteria.loadModel();
        Predictor<String, String> predictor = model.newPredictor()) {
      assertThat(predictor.predict("one")).isEqualTo("one and 31 tokens");
    }
  }

  @Test
  void badInputIsRefusedInWords() throws Exception {
    try (ZooModel<NDList, NDList> model = criteria().build().loadModel();
        Predictor<NDList, NDList> predictor = model.newPredictor()) {
      NDManager manager = model.getNDManager();
      assertThatThrownBy(() -> predictor.predict(new NDList(manager.create(new long[] {1, 31}))))
          .isInstanceOf(TranslateException.class)
          .hasMessageContaining("Token id 31 at 1");
      assertThatThrownBy(() -> predictor.predict(new NDList(manager.create(new float[] {1}))))
          .hasMessageContaining("int64 or int32");
      NDArray ids = manager.create(new long[] {1});
      assertThatThrownBy(() -> predictor.predict(new NDList(ids, ids)))
          .hasMessageContaining("without padding");
    }
  }

  @Test
  void withoutARuntimeThePredictorSaysWhatToAdd() throws Exception {
    ClassLoader before = Thread.currentThread().getContextClassLoader();
    try (ZooModel<NDList, NDList> model = criteria().build().loadModel()) {
      Thread.currentThread().setContextClassLoader(ClassLoader.getPlatformClassLoader());
      assertThatThrownBy(() -> model.newPredictor())
          .isInstanceOf(EngineException.class)
          .hasMessageContaining("add dev.graft:graft-trainer");
    } finally {
      Thread.currentThread().setContextClassLoader(before);
    }
  }

  @Test
  void damagedModelsAreMalformedForDjlAndModelIoForUs() throws Exception {
    Files.delete(folder.resolve("model.safetensors"));
    assertThatThrownBy(() -> criteria().build().loadModel())
        .isInstanceOf(MalformedModelException.class)
        .hasMessageContaining("has no weights")
        .hasCauseInstanceOf(ModelIoException.class);
    assertThatThrownBy(() -> GraftModel.load(folder, Map.of()))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("has no weights");
    assertThatThrownBy(() -> GraftModel.load(temp.resolve("nowhere"), Map.of()))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("does not exist");
  }

  @Test
  void foldersMayHaveStrangeNames() {
    Path strange = temp.resolve("a, b%20c é#d?");
    RandomCheckpoint.llama().write(strange);
    GraftModel.load(strange, Map.of()).close();
  }

  @Test
  void closingTheModelUnmapsTheWeights() {
    GraftModel model = GraftModel.load(folder, Map.of());
    var data = model.checkpoint().tensor(TensorNames.NORM).data();
    assertThat(data.scope().isAlive()).isTrue();
    model.close();
    assertThat(data.scope().isAlive()).isFalse();
    assertThat(model.getNDManager().isOpen()).isFalse();
  }

  @Test
  void theEngineIsFoundByItsNameAndKeepsDjlQuiet() {
    assertThat(Engine.getAllEngines()).contains("graft");
    assertThat(Engine.getEngine("graft")).isSameAs(Engine.getEngine("graft"));
    assertThat(System.getProperty("ai.djl.offline")).isEqualTo("true");
  }

  @Test
  void loadsARealModel() throws Exception {
    folder = Conformance.path("models/stories260K-hf");
    try (ZooModel<NDList, NDList> model = criteria().build().loadModel();
        Predictor<NDList, NDList> predictor = model.newPredictor()) {
      NDList ids = new NDList(model.getNDManager().create(new long[] {1, 403}));
      assertThat(predictor.predict(ids).head().getShape()).isEqualTo(new Shape(2, 512));
      assertThat(((GraftModel) model.getWrappedModel()).checkpoint().parameters())
          .isEqualTo(260_032);
    }
  }
}
