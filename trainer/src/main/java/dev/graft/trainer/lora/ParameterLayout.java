package dev.graft.trainer.lora;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.modelio.VocabularyModule;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.trainer.model.ParameterGroup;
import dev.graft.trainer.model.ProjectionGroup;
import dev.graft.trainer.model.StackedRanks;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Where each matrix of an adapter lies in the flat vector of parameters. All A matrices come first,
 * then all B matrices, then DoRA's magnitudes if there are any; within a layer the A matrices of
 * one {@link ProjectionGroup} follow each other, so that they are one stacked matrix.
 *
 * @param modules every adapted linear layer, by layer and then in the order of {@link Projection}
 * @param vocabulary the embedding and the output projection, if they are adapted
 * @param b where the B matrices begin
 * @param magnitudes where the magnitudes begin; the size where there are none
 * @param size length of the vector
 * @param differences whether products compute with the difference to the beginning, at twice the
 *     rank: see {@link dev.graft.trainer.model.LowRank}
 */
record ParameterLayout(
    List<Module> modules,
    List<Vocabulary> vocabulary,
    long b,
    long magnitudes,
    long size,
    boolean differences) {

  /**
   * The adapter of a weight with a row for each token. What PEFT calls A of the embedding is the
   * matrix of tokens, of the output projection it is the hidden one.
   *
   * @param tokens rows of the weight
   * @param hidden columns of the weight
   * @param ofTokens offset of the matrix (tokens, rank)
   * @param ofHidden offset of the matrix (rank, hidden)
   */
  record Vocabulary(
      VocabularyModule module,
      int rank,
      float scale,
      int tokens,
      int hidden,
      long ofTokens,
      long ofHidden) {

    private static Vocabulary of(ModelConfig model, PeftConfig config, VocabularyModule module) {
      float scale = (float) config.scale(module.path());
      int rank = config.rank(module.path());
      return new Vocabulary(module, rank, scale, model.vocabSize(), model.hiddenSize(), 0, 0);
    }

    /** Elements of the matrix that PEFT calls A. */
    private int sizeOfA() {
      return module == VocabularyModule.EMBED_TOKENS ? sizeOfTokens() : sizeOfHidden();
    }

    private Vocabulary at(long a, long b) {
      boolean embedding = module == VocabularyModule.EMBED_TOKENS;
      return new Vocabulary(
          module, rank, scale, tokens, hidden, embedding ? a : b, embedding ? b : a);
    }

    int sizeOfTokens() {
      return Math.multiplyExact(tokens, rank);
    }

    int sizeOfHidden() {
      return Math.multiplyExact(rank, hidden);
    }
  }

  /**
   * One adapted linear layer.
   *
   * @param scale what {@code x Aᵀ Bᵀ} is multiplied with
   * @param a offset of A, (rank, in)
   * @param b offset of B, (out, rank)
   * @param magnitude offset of the magnitudes, (1, out), if the adapter has any
   */
  record Module(
      int layer,
      Projection projection,
      int rank,
      float scale,
      int in,
      int out,
      long a,
      long b,
      long magnitude) {

    private static Module of(ModelConfig model, PeftConfig config, int layer, Projection p) {
      int rank = config.rank(layer, p);
      float scale = (float) config.scale(layer, p);
      return new Module(layer, p, rank, scale, p.inFeatures(model), p.outFeatures(model), 0, 0, 0);
    }

    private Module at(long a, long b, long magnitude) {
      return new Module(layer, projection, rank, scale, in, out, a, b, magnitude);
    }

    /** Elements of A. */
    int sizeOfA() {
      return Math.multiplyExact(rank, in);
    }

    /** Elements of B. */
    int sizeOfB() {
      return Math.multiplyExact(out, rank);
    }
  }

  /** The layout of a new adapter: every module that the configuration targets. */
  static ParameterLayout of(ModelConfig model, PeftConfig config, Beginning beginning) {
    List<Module> modules = new ArrayList<>();
    for (int layer = 0; layer < model.layers(); layer++) {
      for (Projection projection : Projection.values()) {
        if (config.selects(layer, projection)) {
          modules.add(Module.of(model, config, layer, projection));
        }
      }
    }
    List<Vocabulary> vocabulary = new ArrayList<>();
    for (VocabularyModule module : VocabularyModule.values()) {
      if (config.selects(module)) {
        vocabulary.add(Vocabulary.of(model, config, module));
      }
    }
    return place(modules, vocabulary, config.dora(), beginning.learnsDifference());
  }

  /** The layout of an adapter that exists: the modules it has weights for. */
  static ParameterLayout of(ModelConfig model, PeftAdapter adapter) {
    List<Module> modules = new ArrayList<>();
    for (LoraWeights weights : adapter.weights()) {
      modules.add(Module.of(model, adapter.config(), weights.layer(), weights.projection()));
    }
    List<Vocabulary> vocabulary =
        adapter.vocabulary().stream()
            .map(lora -> Vocabulary.of(model, adapter.config(), lora.module()))
            .toList();
    return place(modules, vocabulary, adapter.config().dora(), false);
  }

  private static ParameterLayout place(
      List<Module> modules, List<Vocabulary> vocabulary, boolean dora, boolean differences) {
    long a = 0;
    long firstB =
        modules.stream().mapToLong(Module::sizeOfA).sum()
            + vocabulary.stream().mapToLong(Vocabulary::sizeOfA).sum();
    long b = firstB;
    List<Module> placed = new ArrayList<>();
    for (Module module : modules) {
      placed.add(module.at(a, b, 0));
      a += module.sizeOfA();
      b += module.sizeOfB();
    }
    List<Vocabulary> placedVocabulary = new ArrayList<>();
    for (Vocabulary module : vocabulary) {
      placedVocabulary.add(module.at(a, b));
      a += module.sizeOfA();
      b += module.sizeOfTokens() + module.sizeOfHidden() - module.sizeOfA();
    }
    long magnitude = b;
    if (dora) {
      for (int i = 0; i < placed.size(); i++) {
        Module module = placed.get(i);
        placed.set(i, module.at(module.a, module.b, magnitude));
        magnitude += module.out;
      }
    }
    return new ParameterLayout(
        List.copyOf(placed), List.copyOf(placedVocabulary), firstB, b, magnitude, differences);
  }

  /** The adapted members of one group in one layer, in stacking order; may be empty. */
  List<Module> of(int layer, ProjectionGroup group) {
    return modules.stream()
        .filter(m -> m.layer == layer && group.members().contains(m.projection))
        .toList();
  }

  /** The rank that products see of a module. */
  int width(Module module) {
    return differences ? 2 * module.rank : module.rank;
  }

  /** The widest of all. */
  int largestWidth() {
    return modules.stream().mapToInt(this::width).max().orElse(0);
  }

  /** The longest side of an adapted weight. */
  int widestWeight() {
    return modules.stream().mapToInt(m -> Math.max(m.in, m.out)).max().orElse(0);
  }

  /** Whether there are magnitudes. */
  boolean hasMagnitudes() {
    return magnitudes < size;
  }

  /** All A matrices, then all B matrices, then all magnitudes. */
  List<ParameterGroup> groups() {
    List<ParameterGroup> groups = new ArrayList<>();
    groups.add(new ParameterGroup(ParameterGroup.Kind.LORA_A, 0, b));
    groups.add(new ParameterGroup(ParameterGroup.Kind.LORA_B, b, magnitudes - b));
    if (hasMagnitudes()) {
      groups.add(new ParameterGroup(ParameterGroup.Kind.MAGNITUDE, magnitudes, size - magnitudes));
    }
    return List.copyOf(groups);
  }

  /** The ranks that the model's buffers have to hold: for each projection its largest. */
  StackedRanks ranks() {
    Map<Projection, Integer> ranks = new EnumMap<>(Projection.class);
    modules.forEach(m -> ranks.merge(m.projection, width(m), Math::max));
    Map<VocabularyModule, Integer> ofVocabulary = new EnumMap<>(VocabularyModule.class);
    vocabulary.forEach(v -> ofVocabulary.put(v.module, v.rank));
    return new StackedRanks(ranks, ofVocabulary, hasMagnitudes());
  }
}
