package dev.graft.modelio.checkpoint;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.DType;
import dev.graft.modelio.Halfs;
import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelConfig.Architecture;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.RopeScaling;
import dev.graft.modelio.StrictJson;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.safetensors.SafetensorsWriter;
import dev.graft.modelio.safetensors.TensorSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes checkpoints with random weights: folders that load like a real model and have learned
 * nothing. For tests, benchmarks and stand-ins.
 *
 * <p>The weights depend on the seed, the tensor's name and the element's place only, and are
 * computed in integers and one multiplication: the same on every machine, with any sharding. A
 * tensor {@code [out, in]} has mean 0 and variance 1/in; norms scatter around 1. Nothing larger
 * than a few MB is held in memory, so a checkpoint may be as large as the disk.
 *
 * <pre>{@code
 * RandomCheckpoint.llama().hiddenSize(48).heads(6).kvHeads(2).dtype(DType.BF16).write(folder);
 * }</pre>
 */
public final class RandomCheckpoint {
  private static final int CHUNK = 4096;
  private static final float NORM_DEVIATION = 0.1f;
  private static final double SQRT_3 = 1.7320508075688772;

  private final Architecture architecture;
  private int hiddenSize = 32;
  private int intermediateSize = 88;
  private int layers = 2;
  private int heads = 4;
  private int kvHeads = 2;
  private int headDim = 8;
  private int vocabSize = 97;
  private int maxPositionEmbeddings = 256;
  private double ropeTheta = 10000;
  private RopeScaling ropeScaling = new RopeScaling.None();
  private @Nullable Integer slidingWindow;
  private boolean tied;
  private DType dtype = DType.F32;
  private long seed = 1;
  private long maxShardBytes = Long.MAX_VALUE;

  private RandomCheckpoint(Architecture architecture) {
    this.architecture = architecture;
  }

  /** A tiny Llama with untied float32 weights, unless told otherwise. */
  public static RandomCheckpoint llama() {
    return new RandomCheckpoint(Architecture.LLAMA);
  }

  /** A tiny Mistral without a sliding window, unless told otherwise. */
  public static RandomCheckpoint mistral() {
    return new RandomCheckpoint(Architecture.MISTRAL);
  }

  public RandomCheckpoint hiddenSize(int value) {
    hiddenSize = value;
    return this;
  }

  public RandomCheckpoint intermediateSize(int value) {
    intermediateSize = value;
    return this;
  }

  public RandomCheckpoint layers(int value) {
    layers = value;
    return this;
  }

  public RandomCheckpoint heads(int value) {
    heads = value;
    return this;
  }

  public RandomCheckpoint kvHeads(int value) {
    kvHeads = value;
    return this;
  }

  public RandomCheckpoint headDim(int value) {
    headDim = value;
    return this;
  }

  public RandomCheckpoint vocabSize(int value) {
    vocabSize = value;
    return this;
  }

  public RandomCheckpoint maxPositionEmbeddings(int value) {
    maxPositionEmbeddings = value;
    return this;
  }

  public RandomCheckpoint ropeTheta(double value) {
    ropeTheta = value;
    return this;
  }

  public RandomCheckpoint ropeScaling(RopeScaling value) {
    ropeScaling = value;
    return this;
  }

  /** Tokens that each token attends to, itself included; Mistral only. */
  public RandomCheckpoint slidingWindow(int value) {
    slidingWindow = value;
    return this;
  }

  /** Whether the embedding is the output head too. */
  public RandomCheckpoint tied(boolean value) {
    tied = value;
    return this;
  }

  public RandomCheckpoint dtype(DType value) {
    dtype = value.requireWeight("A checkpoint");
    return this;
  }

  public RandomCheckpoint seed(long value) {
    seed = value;
    return this;
  }

  /** Starts a new shard before a tensor that would make the current one larger than this. */
  public RandomCheckpoint maxShardBytes(long value) {
    maxShardBytes = value;
    return this;
  }

  /** The configuration that {@link #write} will write. */
  public ModelConfig config() {
    return new ModelConfig(
        architecture,
        hiddenSize,
        intermediateSize,
        layers,
        heads,
        kvHeads,
        headDim,
        vocabSize,
        maxPositionEmbeddings,
        1e-5,
        ropeTheta,
        ropeScaling,
        slidingWindow,
        tied,
        dtype,
        1,
        List.of(2),
        List.of());
  }

  /**
   * Writes config.json and the weights.
   *
   * @param folder made if it is not there; must be empty
   * @return {@code folder}
   */
  public Path write(Path folder) {
    requireEmpty(folder);
    ModelConfig config = config();
    List<Map<String, List<Long>>> shards = shards(TensorNames.shapes(config));
    Map<String, String> shardOf = new LinkedHashMap<>();
    for (int i = 0; i < shards.size(); i++) {
      String name =
          shards.size() == 1
              ? Shards.SINGLE
              : "model-%05d-of-%05d.safetensors".formatted(i + 1, shards.size());
      SafetensorsWriter writer = new SafetensorsWriter();
      shards
          .get(i)
          .forEach((tensor, shape) -> {
            writer.add(tensor, dtype, shape, weights(tensor, shape));
            shardOf.put(tensor, name);
          });
      writer.write(folder.resolve(name));
    }
    if (shards.size() > 1) {
      writeText(folder.resolve(Shards.INDEX), index(config, shardOf));
    }
    writeText(folder.resolve("config.json"), config.toJson());
    return folder;
  }

  private static void requireEmpty(Path folder) {
    try {
      Files.createDirectories(folder);
      try (Stream<Path> entries = Files.list(folder)) {
        if (entries.findAny().isPresent()) {
          throw new ModelIoException(folder + " is not empty; give a new folder.");
        }
      }
    } catch (IOException e) {
      throw new ModelIoException(folder + ": " + AsideFile.describe(e) + ".", e);
    }
  }

  private List<Map<String, List<Long>>> shards(Map<String, List<Long>> shapes) {
    List<Map<String, List<Long>>> shards = new ArrayList<>();
    Map<String, List<Long>> shard = new LinkedHashMap<>();
    long room = maxShardBytes;
    for (Map.Entry<String, List<Long>> tensor : shapes.entrySet()) {
      long bytes = bytes(tensor.getValue());
      if (bytes > room && !shard.isEmpty()) {
        shards.add(shard);
        shard = new LinkedHashMap<>();
        room = maxShardBytes;
      }
      shard.put(tensor.getKey(), tensor.getValue());
      room -= bytes;
    }
    shards.add(shard);
    return shards;
  }

  private long bytes(List<Long> shape) {
    return shape.stream().reduce((long) dtype.bytes(), (a, b) -> a * b);
  }

  private String index(ModelConfig config, Map<String, String> shardOf) {
    ObjectNode json = JsonMapper.shared().createObjectNode();
    long total = TensorNames.shapes(config).values().stream().mapToLong(this::bytes).sum();
    json.putObject("metadata").put("total_size", total);
    ObjectNode weightMap = json.putObject("weight_map");
    shardOf.forEach(weightMap::put);
    return StrictJson.print(json);
  }

  private static void writeText(Path file, String text) {
    AsideFile.write(
        file, channel -> channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8))));
  }

  private TensorSource weights(String tensor, List<Long> shape) {
    long key = mix(seed ^ mix(tensor.hashCode()));
    boolean norm = shape.size() == 1;
    float mean = norm ? 1 : 0;
    float deviation = norm ? NORM_DEVIATION : (float) (1 / Math.sqrt(shape.get(1)));
    return (firstByte, piece) -> fill(piece, firstByte / dtype.bytes(), key, mean, deviation);
  }

  /** On all processors: a number depends on its place only. */
  private void fill(MemorySegment piece, long first, long key, float mean, float deviation) {
    int count = Math.toIntExact(piece.byteSize() / dtype.bytes());
    IntStream.range(0, Math.ceilDiv(count, CHUNK))
        .parallel()
        .forEach(i -> {
          int at = i * CHUNK;
          float[] chunk = new float[Math.min(CHUNK, count - at)];
          for (int j = 0; j < chunk.length; j++) {
            chunk[j] = mean + deviation * nearlyNormal(mix(key + first + at + j));
          }
          Halfs.fromFloats(chunk, piece, dtype, at, chunk.length);
        });
  }

  /** The sum of four uniform variables, centred, with variance 1: no logarithm, no platform. */
  private static float nearlyNormal(long bits) {
    long sum =
        (bits & 0xffff) + (bits >>> 16 & 0xffff) + (bits >>> 32 & 0xffff) + (bits >>> 48 & 0xffff);
    return (float) ((sum - 2 * 0xffff) * (SQRT_3 / 0x10000));
  }

  /** The finalizer of SplitMix64 (Steele, Lea, Flood 2014). */
  private static long mix(long z) {
    z += 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
