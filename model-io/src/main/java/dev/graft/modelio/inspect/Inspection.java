package dev.graft.modelio.inspect;

import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.StrictJson;
import dev.graft.modelio.gguf.GgufFile;
import dev.graft.modelio.gguf.GgufTensor;
import dev.graft.modelio.gguf.GgufValue;
import dev.graft.modelio.gguf.GgufValueType;
import dev.graft.modelio.safetensors.SafetensorsFile;
import dev.graft.modelio.safetensors.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a model file or folder holds.
 *
 * @param path that was looked at
 * @param kind {@code checkpoint}, {@code adapter}, {@code safetensors}, {@code gguf model} or
 *     {@code gguf adapter}
 * @param files the files that hold tensors
 * @param metadata keys of config.json, adapter_config.json or the file's header, long values cut
 * @param tensors in the files' order
 */
public record Inspection(
    Path path, String kind, List<Path> files, Map<String, String> metadata, List<Tensor> tensors) {
  private static final long MAX_CONFIG_BYTES = 16 << 20;
  private static final int MAX_VALUE = 100;

  public Inspection {
    files = List.copyOf(files);
    metadata = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    tensors = List.copyOf(tensors);
  }

  /**
   * One tensor.
   *
   * @param type as the file's format calls it
   * @param shape outermost first
   * @param file the name of the file that it is in
   */
  public record Tensor(String name, String type, List<Long> shape, long bytes, String file) {
    /** The number of elements. */
    public long elements() {
      return shape.stream().reduce(1L, (a, b) -> a * b);
    }
  }

  /**
   * Looks at a file or folder.
   *
   * @throws ModelIoException if it is none that holds weights, or is damaged
   */
  public static Inspection of(Path path) {
    if (!Files.exists(path)) {
      throw new ModelIoException(path + " does not exist.");
    }
    if (Files.isDirectory(path)) {
      return ofFolder(path);
    }
    String name = String.valueOf(path.getFileName()).toLowerCase(Locale.ROOT);
    if (name.endsWith(".gguf")) {
      return ofGguf(path);
    }
    if (name.endsWith(".safetensors")) {
      List<Tensor> tensors = new ArrayList<>();
      Map<String, String> metadata = new TreeMap<>();
      addSafetensors(path, tensors, metadata);
      return new Inspection(path, "safetensors", List.of(path), metadata, tensors);
    }
    throw new ModelIoException(
        path
            + " is neither a .safetensors nor a .gguf file, nor a folder with a model or adapter.");
  }

  private static Inspection ofFolder(Path folder) {
    boolean adapter = Files.exists(folder.resolve("adapter_config.json"));
    Path config = folder.resolve(adapter ? "adapter_config.json" : "config.json");
    List<Path> files = list(folder, ".safetensors");
    if (!Files.exists(config) || files.isEmpty()) {
      throw new ModelIoException(
          "%s holds neither a checkpoint (config.json and .safetensors) nor an adapter (adapter_config.json).%s"
              .formatted(folder, hint(folder)));
    }
    Map<String, String> metadata = new LinkedHashMap<>();
    ObjectNode json = StrictJson.readObject(config, MAX_CONFIG_BYTES);
    for (Map.Entry<String, JsonNode> entry : json.properties()) {
      JsonNode value = entry.getValue();
      metadata.put(entry.getKey(), cut(value.isString() ? value.asString() : value.toString()));
    }
    List<Tensor> tensors = new ArrayList<>();
    for (Path file : files) {
      addSafetensors(file, tensors, new TreeMap<>());
    }
    return new Inspection(folder, adapter ? "adapter" : "checkpoint", files, metadata, tensors);
  }

  private static String hint(Path folder) {
    if (Files.exists(folder.resolve("adapter").resolve("adapter_config.json"))) {
      return " It is a run; look at its adapter folder.";
    }
    List<Path> gguf = list(folder, ".gguf");
    return gguf.isEmpty() ? "" : " Name one of its files: " + gguf.getFirst() + ".";
  }

  private static List<Path> list(Path folder, String ending) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(ending)).sorted().toList();
    } catch (IOException e) {
      throw new ModelIoException(folder + " cannot be listed: " + e.getMessage() + ".", e);
    }
  }

  private static void addSafetensors(
      Path path, List<Tensor> tensors, Map<String, String> metadata) {
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      file.metadata().forEach((key, value) -> metadata.put(key, cut(value)));
      for (TensorInfo info : file.tensors().values()) {
        tensors.add(
            new Tensor(info.name(), info.dtype().name(), info.shape(), info.bytes(), name(path)));
      }
    }
  }

  private static Inspection ofGguf(Path path) {
    try (GgufFile file = GgufFile.open(path)) {
      Map<String, String> metadata = new LinkedHashMap<>();
      metadata.put("version", String.valueOf(file.version()));
      file.metadata().forEach((key, value) -> metadata.put(key, cut(words(value))));
      List<Tensor> tensors = new ArrayList<>();
      for (GgufTensor tensor : file.tensors().values()) {
        tensors.add(
            new Tensor(
                tensor.name(), tensor.type().label(), tensor.shape(), tensor.bytes(), name(path)));
      }
      String kind = "gguf " + file.text("general.type").orElse("model");
      return new Inspection(path, kind, List.of(path), metadata, tensors);
    }
  }

  private static String words(GgufValue value) {
    return switch (value) {
      case GgufValue.Flag(boolean flag) -> String.valueOf(flag);
      case GgufValue.Whole(GgufValueType _, long number) -> String.valueOf(number);
      case GgufValue.Real(GgufValueType type, double number) ->
          type == GgufValueType.FLOAT32 ? String.valueOf((float) number) : String.valueOf(number);
      case GgufValue.Text(String text) -> text;
      case GgufValue.Array(GgufValueType type, List<GgufValue> values) ->
          "%d of %s: %s"
              .formatted(
                  values.size(),
                  type.name().toLowerCase(Locale.ROOT),
                  String.join(", ", values.stream().limit(8).map(Inspection::words).toList()));
    };
  }

  private static String cut(String text) {
    String line = text.replace("\n", "\\n").replaceAll("\\p{Cc}", "\uFFFD");
    return line.length() <= MAX_VALUE ? line : line.substring(0, MAX_VALUE) + "…";
  }

  private static String name(Path path) {
    return String.valueOf(path.getFileName());
  }

  /** The number of all elements. */
  public long parameters() {
    return tensors.stream().mapToLong(Tensor::elements).sum();
  }

  /** Bytes of all tensors. */
  public long bytes() {
    return tensors.stream().mapToLong(Tensor::bytes).sum();
  }

  /** Elements by type. */
  public Map<String, Long> parametersByType() {
    Map<String, Long> byType = new TreeMap<>();
    tensors.forEach(tensor -> byType.merge(tensor.type(), tensor.elements(), Long::sum));
    return byType;
  }
}
