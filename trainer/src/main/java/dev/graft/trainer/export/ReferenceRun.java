package dev.graft.trainer.export;

import dev.graft.trainer.model.Decoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What base and adapter say in the trainer: each golden prompt with its greedy continuation, and
 * the logits at every position, kept in a temporary file, since vocabularies are large.
 */
final class ReferenceRun implements AutoCloseable {
  private final FileChannel file;
  private final int vocabulary;
  private final List<int[]> sequences = new ArrayList<>();
  private final List<Integer> promptLengths = new ArrayList<>();

  private ReferenceRun(FileChannel file, int vocabulary) {
    this.file = file;
    this.vocabulary = vocabulary;
  }

  /**
   * Runs the reference.
   *
   * @param tokens how many to generate for each prompt
   * @param temporary a file that does not exist; it is gone after {@link #close}
   */
  static ReferenceRun of(
      Rebuilt reference, GoldenPrompts prompts, int tokens, int vocabulary, Path temporary)
      throws IOException {
    FileChannel file =
        FileChannel.open(
            temporary,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE);
    try {
      ReferenceRun run = new ReferenceRun(file, vocabulary);
      int longest = prompts.prompts().stream().mapToInt(p -> p.length).max().orElseThrow();
      Decoder decoder = reference.decoder(longest + tokens);
      for (int[] prompt : prompts.prompts()) {
        int[] sequence = continued(decoder, prompt, tokens);
        run.sequences.add(sequence);
        run.promptLengths.add(prompt.length);
        decoder.clear();
        decoder.logits(sequence, chunk -> append(file, chunk));
      }
      return run;
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private static int[] continued(Decoder decoder, int[] prompt, int tokens) {
    decoder.clear();
    int[] sequence = Arrays.copyOf(prompt, prompt.length + tokens);
    int[] unread = prompt;
    for (int i = prompt.length; i < sequence.length; i++) {
      float[] logits = decoder.next(unread);
      sequence[i] = mostLikely(logits);
      unread = new int[] {sequence[i]};
    }
    return sequence;
  }

  private static int mostLikely(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best;
  }

  private static void append(FileChannel file, float[] logits) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * logits.length);
    bytes.asFloatBuffer().put(logits);
    try {
      while (bytes.hasRemaining()) {
        file.write(bytes);
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Prompts with what the reference went on with. */
  List<int[]> sequences() {
    return List.copyOf(sequences);
  }

  /** Tokens of the prompt at the beginning of a sequence. */
  int promptLength(int sequence) {
    return promptLengths.get(sequence);
  }

  /** How far another model is from it. */
  Divergence compare(Rebuilt other) throws IOException {
    int longest = sequences.stream().mapToInt(s -> s.length).max().orElseThrow();
    Decoder decoder = other.decoder(longest);
    Divergence.Sum sum = new Divergence.Sum();
    long[] offset = {0};
    for (int s = 0; s < sequences.size(); s++) {
      int[] sequence = sequences.get(s);
      int prompt = promptLengths.get(s);
      int[] position = {0};
      decoder.clear();
      decoder.logits(
          sequence,
          chunk -> {
            float[] expected = read(offset[0], chunk.length);
            offset[0] += chunk.length;
            for (int at = 0; at < chunk.length; at += vocabulary) {
              int next = ++position[0];
              boolean generated = next >= prompt && next < sequence.length;
              sum.add(expected, chunk, at, vocabulary, generated ? sequence[next] : -1);
            }
          });
    }
    return sum.total();
  }

  /** The logits at one position of a sequence, (V). */
  float[] logits(int sequence, int position) {
    long before = 0;
    for (int s = 0; s < sequence; s++) {
      before += sequences.get(s).length;
    }
    return read((before + position) * vocabulary, vocabulary);
  }

  private float[] read(long firstLogit, int count) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * count);
    try {
      while (bytes.hasRemaining()) {
        if (file.read(bytes, 4 * firstLogit + bytes.position()) < 0) {
          throw new IOException("the temporary file of logits ended early");
        }
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    float[] logits = new float[count];
    bytes.flip().asFloatBuffer().get(logits);
    return logits;
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
