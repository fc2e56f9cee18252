package dev.graft.modelio.gguf;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.DType;
import dev.graft.modelio.Halfs;
import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.ModelWeights;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.TensorView;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The model in a GGUF file, as the file alone describes it, in Hugging Face's layout. Weights are
 * used where they lie; those whose rows stand in another order, or are quantized, go through a
 * temporary file, so that memory stays bounded.
 */
public final class GgufModel implements ModelWeights, AutoCloseable {
  private static final long ALIGNMENT = 64;

  private final GgufFile file;
  private final ModelConfig config;
  private final Arena arena;
  private final Path scratch;
  private final Map<String, TensorView> tensors;

  private GgufModel(
      GgufFile file,
      ModelConfig config,
      Arena arena,
      Path scratch,
      Map<String, TensorView> tensors) {
    this.file = file;
    this.config = config;
    this.arena = arena;
    this.scratch = scratch;
    this.tensors = tensors;
  }

  /**
   * Opens a file.
   *
   * @param temporary a folder that a temporary file may be made in; it is gone after {@link #close}
   * @throws ModelIoException if it is not a whole Llama whose types graft computes with
   */
  @SuppressWarnings("MustBeClosedChecker") // the model that is returned owns the arena
  public static GgufModel open(Path path, Path temporary) {
    GgufFile file = GgufFile.open(path);
    Arena arena = Arena.ofShared();
    Path scratch = AsideFile.nameBeside(temporary.resolve("weights"));
    try {
      ModelConfig config = GgufConfig.read(file);
      Map<String, TensorView> tensors = new Loading(file, config).load(arena, scratch);
      return new GgufModel(file, config, arena, scratch, tensors);
    } catch (IOException e) {
      release(arena, file, scratch);
      throw new ModelIoException(
          "%s could not be written: %s.".formatted(scratch, AsideFile.describe(e)), e);
    } catch (RuntimeException | Error e) {
      release(arena, file, scratch);
      throw e;
    }
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  /** The file itself. */
  public GgufFile file() {
    return file;
  }

  @Override
  public TensorView tensor(String name) {
    @Nullable TensorView tensor = tensors.get(name);
    if (tensor == null) {
      throw new ModelIoException(file.path() + " has no tensor " + name + ".");
    }
    return tensor;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      release(arena, file, scratch);
    }
  }

  private static void release(Arena arena, GgufFile file, Path scratch) {
    arena.close();
    file.close();
    try {
      Files.deleteIfExists(scratch);
    } catch (IOException _) {
      // A temporary file that stays is no reason to fail.
    }
  }

  private record Loading(GgufFile file, ModelConfig config) {
    Map<String, TensorView> load(Arena arena, Path scratch) throws IOException {
      Map<String, String> names = GgufNames.ofModel(config);
      Map<String, List<Long>> shapes = TensorNames.shapes(config);
      refuseOthers(names);
      Map<String, TensorView> tensors = new HashMap<>();
      Map<String, Long> places = new LinkedHashMap<>();
      long size = 0;
      for (Map.Entry<String, String> entry : names.entrySet()) {
        GgufTensor stored = file.tensor(entry.getValue());
        List<Long> shape = shapes.getOrDefault(entry.getKey(), List.of());
        if (!stored.shape().equals(shape)) {
          throw new ModelIoException(
              "%s: tensor %s has the shape %s, but the metadata ask for %s."
                  .formatted(file.path(), stored.name(), stored.shape(), shape));
        }
        DType dtype = dtype(stored);
        if (stored.type() == GgmlType.Q8_0 || GgufNames.isPermuted(entry.getKey())) {
          places.put(entry.getKey(), size);
          size += (stored.elements() * dtype.bytes() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        } else {
          tensors.put(
              entry.getKey(), new TensorView(entry.getKey(), dtype, shape, file.data(stored)));
        }
      }
      if (size > 0) {
        fill(tensors, places, map(arena, scratch, size), names);
      }
      return tensors;
    }

    private static MemorySegment map(Arena arena, Path scratch, long size) throws IOException {
      try (FileChannel channel =
          FileChannel.open(
              scratch,
              StandardOpenOption.CREATE_NEW,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE)) {
        return channel.map(FileChannel.MapMode.READ_WRITE, 0, size, arena);
      }
    }

    private void fill(
        Map<String, TensorView> tensors,
        Map<String, Long> places,
        MemorySegment memory,
        Map<String, String> names) {
      places.forEach((name, place) -> {
        GgufTensor stored = file.tensor(String.valueOf(names.get(name)));
        DType dtype = dtype(stored);
        MemorySegment target = memory.asSlice(place, stored.elements() * dtype.bytes());
        long rowBytes = stored.columns() * dtype.bytes();
        int rows = (int) (stored.elements() / stored.columns());
        boolean permuted = GgufNames.isPermuted(name);
        IntStream.range(0, rows)
            .parallel()
            .forEach(row -> {
              float[] values = file.row(stored, permuted ? placeOf(row) : row);
              MemorySegment rowTarget = target.asSlice(row * rowBytes, rowBytes);
              Halfs.fromFloats(values, rowTarget, dtype, 0, values.length);
            });
        tensors.put(name, new TensorView(name, dtype, stored.shape(), target.asReadOnly()));
      });
    }

    /**
     * Where the file has a row: the first half of a head at even places, the second at odd ones.
     */
    private long placeOf(int row) {
      int half = config.headDim() / 2;
      int head = row / config.headDim();
      int half2 = row / half % 2;
      return (long) head * config.headDim() + 2L * (row % half) + half2;
    }

    private DType dtype(GgufTensor stored) {
      return switch (stored.type()) {
        case F32, Q8_0 -> DType.F32;
        case F16 -> DType.F16;
        case BF16 -> DType.BF16;
        default ->
            throw new ModelIoException(
                "%s: tensor %s is %s; graft computes with f32, f16, bf16 and q8_0 only."
                    .formatted(file.path(), stored.name(), stored.type().label()));
      };
    }

    private void refuseOthers(Map<String, String> names) {
      for (String name : file.tensors().keySet()) {
        if (!names.containsValue(name) && !name.equals(GgufNames.ROPE_FREQS)) {
          throw new ModelIoException(
              "%s: tensor %s is not part of a Llama with these metadata."
                  .formatted(file.path(), name));
        }
      }
    }
  }
}
