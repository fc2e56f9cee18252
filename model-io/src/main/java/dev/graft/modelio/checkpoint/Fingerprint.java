package dev.graft.modelio.checkpoint;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.TensorView;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Computes a checkpoint's fingerprint from its configuration and samples of its weights. */
final class Fingerprint {
  private static final int SAMPLE_BYTES = 256;
  private static final int SAMPLES = 3;

  private Fingerprint() {}

  static String of(Checkpoint checkpoint) {
    MessageDigest digest = sha256();
    digest.update(computation(checkpoint.config()).getBytes(StandardCharsets.UTF_8));
    for (String name : TensorNames.shapes(checkpoint.config()).keySet()) {
      TensorView tensor = checkpoint.tensor(name);
      String line = "\n" + name + " " + tensor.dtype() + tensor.shape() + " ";
      digest.update(line.getBytes(StandardCharsets.UTF_8));
      sample(tensor.data(), digest);
    }
    return "sha256:" + HexFormat.of().formatHex(digest.digest());
  }

  /** First, middle and last bytes: fine-tuning moves every weight of a tensor, or none. */
  private static void sample(MemorySegment data, MessageDigest digest) {
    long length = Math.min(SAMPLE_BYTES, data.byteSize());
    for (int i = 0; i < SAMPLES; i++) {
      long from = (data.byteSize() - length) * i / (SAMPLES - 1);
      digest.update(data.asSlice(from, length).asByteBuffer());
    }
  }

  /** What changes the numbers; not the token ids or the paths that tools write into config.json. */
  private static String computation(ModelConfig c) {
    return String.join(
        " ",
        c.architecture().className(),
        "" + c.hiddenSize(),
        "" + c.intermediateSize(),
        "" + c.layers(),
        "" + c.heads(),
        "" + c.kvHeads(),
        "" + c.headDim(),
        "" + c.vocabSize(),
        "" + c.rmsNormEps(),
        "" + c.ropeTheta(),
        "" + c.ropeScaling(),
        "" + c.slidingWindow(),
        "" + c.tieWordEmbeddings());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
