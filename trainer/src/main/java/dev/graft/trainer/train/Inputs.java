package dev.graft.trainer.train;

import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.config.DataSource;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.runs.Manifest;
import dev.graft.trainer.runtime.BaseModel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * What a run depends on beside its configuration, by content: files that have only moved are the
 * same.
 *
 * @param base fingerprint of the base model
 * @param data the files, in order
 * @param tokens SHA-256 of all examples as the model sees them, after tokenizer, chat template and
 *     split
 * @param compute the kernels, in words
 */
record Inputs(String base, List<DataFile> data, String tokens, String compute) {

  /**
   * A file that was read.
   *
   * @param key of the configuration that names it
   * @param weight how often its examples are drawn in an epoch
   */
  record DataFile(String key, String file, String sha256, double weight) {}

  static Inputs of(RunConfig config, BaseModel base, TrainingData data) throws IOException {
    List<DataFile> files = new ArrayList<>();
    add("data.train", config.data().train(), files);
    add("data.validation", config.data().validation(), files);
    String compute = base.kernels().describe();
    return new Inputs(base.checkpoint().fingerprint(), files, digest(data), compute);
  }

  private static void add(String key, List<DataSource> sources, List<DataFile> files)
      throws IOException {
    for (DataSource source : sources) {
      for (Path file : source.files()) {
        files.add(new DataFile(key, file.toString(), Manifest.sha256(file), source.weight()));
      }
    }
  }

  private static String digest(TrainingData data) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (List<TokenSequence> part : List.of(data.train(), data.validation())) {
        digest.update(ByteBuffer.allocate(4).putInt(part.size()).flip());
        part.forEach(sequence -> digest.update(bytes(sequence)));
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  private static ByteBuffer bytes(TokenSequence sequence) {
    ByteBuffer bytes = ByteBuffer.allocate(4 + 5 * sequence.length()).putInt(sequence.length());
    for (int i = 0; i < sequence.length(); i++) {
      bytes.putInt(sequence.inputIds()[i]).put((byte) (sequence.target()[i] ? 1 : 0));
    }
    return bytes.flip();
  }

  /** What has become another since a checkpoint was written, a sentence each. */
  List<String> differencesFrom(Inputs before) {
    List<String> differences = new ArrayList<>();
    if (!before.base.equals(base)) {
      differences.add(
          "base: the model's configuration or weights are others (fingerprint was %s, is %s)"
              .formatted(before.base, base));
    }
    if (before.data.size() != data.size()) {
      differences.add(
          "data: there were %d files, there are %d".formatted(before.data.size(), data.size()));
    } else {
      for (int i = 0; i < data.size(); i++) {
        DataFile then = before.data.get(i);
        DataFile now = data.get(i);
        if (!then.key.equals(now.key) || !then.sha256.equals(now.sha256)) {
          differences.add(
              "%s: the content of %s is another (sha256 was %.12s…, is %.12s…)"
                  .formatted(now.key, now.file, then.sha256, now.sha256));
        } else if (then.weight != now.weight) {
          differences.add(
              "%s: the weight of %s was %s, is %s"
                  .formatted(now.key, now.file, then.weight, now.weight));
        }
      }
    }
    if (differences.isEmpty() && !before.tokens.equals(tokens)) {
      differences.add(
          "data: the same files make other tokens: the base's tokenizer or the chat template has"
              + " changed");
    }
    return differences;
  }
}
