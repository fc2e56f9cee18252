package dev.graft.modelio;

/**
 * The two modules of a model whose weight is {@code [vocab, hidden]}: one row for each token. Each
 * can carry a LoRA adapter, if it is asked for by name.
 */
public enum VocabularyModule {
  /** The table of token embeddings. */
  EMBED_TOKENS("model.embed_tokens"),
  /** The output projection. */
  LM_HEAD("lm_head");

  private final String path;

  VocabularyModule(String path) {
    this.path = path;
  }

  /** The module's path in a model. */
  public String path() {
    return path;
  }

  /** The module's name: the end of its path. */
  public String moduleName() {
    return path.substring(path.lastIndexOf('.') + 1);
  }

  /** The name of its weight in a checkpoint. */
  public String weight() {
    return path + ".weight";
  }
}
