package dev.graft.trainer.config;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads a run's configuration: a YAML file and {@code --set} overrides, as strict as each other.
 * Unknown keys, duplicate keys, missing keys, wrong types and values that make no sense are a
 * {@link ConfigException} that names the key, the file and the line.
 */
public final class ConfigReader {

  /** Far above any configuration; a data file given by mistake is refused unread. */
  private static final long MAX_BYTES = 1 << 20;

  /** An adapter starts from nothing and bears ten times as much. */
  private static final String FULL_LEARNING_RATE = "0.00002";

  private final ConfigKeys keys = new ConfigKeys();
  private final Values values;

  private ConfigReader(boolean inputsHaveToExist) {
    this.values = new Values(inputsHaveToExist);
  }

  /**
   * Reads a configuration that is about to run: the inputs it names have to exist.
   *
   * @param overrides {@code lora.rank=8}, each; later ones win
   */
  public static RunConfig read(Path file, List<String> overrides) {
    return new ConfigReader(true).resolve(file, overrides);
  }

  /** Like {@link #read}, but the inputs need not exist: for recipes that name the user's own. */
  public static RunConfig parse(Path file, List<String> overrides) {
    return new ConfigReader(false).resolve(file, overrides);
  }

  /**
   * Reads a configuration that is not in a file. Inputs are relative to the current directory and
   * need not exist.
   *
   * @param name what errors call it, and the name of the run
   */
  public static RunConfig fromText(String yaml, String name, List<String> overrides) {
    var reader = new ConfigReader(false);
    var settings = YamlSettings.parse(yaml, name, Optional.empty(), reader.keys);
    return reader.bind(settings, overrides, name, name);
  }

  /**
   * Reads overrides of {@code precision}, {@code device} and {@code kernels}, and of nothing else.
   */
  public static HardwareConfig hardware(List<String> overrides) {
    var reader = new ConfigReader(false);
    var settings = new LinkedHashMap<String, Setting>();
    overrides.forEach(override -> reader.apply(override, settings));
    settings.values().removeIf(setting -> setting.value() instanceof Setting.Unset);
    List<String> useful =
        Arrays.stream(HardwareConfig.class.getRecordComponents()).map(ConfigKey::nameOf).toList();
    settings.forEach((path, setting) -> {
      if (!useful.contains(path)) {
        throw new ConfigException(
            "%s: is of no use here; there are %s"
                .formatted(setting.place(), String.join(", ", useful)));
      }
    });
    return reader.record(HardwareConfig.class, "", settings, "--set");
  }

  private RunConfig resolve(Path file, List<String> overrides) {
    Path folder = file.toAbsolutePath().getParent();
    var settings =
        YamlSettings.parse(text(file), file.toString(), Optional.ofNullable(folder), keys);
    Path fileName = file.getFileName();
    String name = fileName == null ? "run" : fileName.toString().replaceFirst("\\.ya?ml$", "");
    return bind(settings, overrides, file.toString(), name);
  }

  static String text(Path file) {
    try {
      if (Files.isDirectory(file)) {
        throw new ConfigException(file + ": is a folder, a YAML file is needed");
      }
      long bytes = Files.size(file);
      if (bytes > MAX_BYTES) {
        throw new ConfigException(
            "%s: has %d bytes, which is no configuration".formatted(file, bytes));
      }
      return Files.readString(file, StandardCharsets.UTF_8);
    } catch (NoSuchFileException e) {
      throw new ConfigException(
          "%s: there is no such file (looked for %s)".formatted(file, file.toAbsolutePath()));
    } catch (MalformedInputException e) {
      throw new ConfigException(file + ": is not UTF-8 text");
    } catch (IOException e) {
      throw new ConfigException(file + ": cannot be read: " + e.getMessage());
    }
  }

  private RunConfig bind(
      Map<String, Setting> settings, List<String> overrides, String source, String name) {
    overrides.forEach(override -> apply(override, settings));
    settings.values().removeIf(setting -> setting.value() instanceof Setting.Unset);
    if (isFull(settings)) {
      refuseAdapter(settings);
      settings.computeIfAbsent(
          "training.learning-rate",
          _ -> new Setting(new Setting.Real(FULL_LEARNING_RATE), "default", Optional.empty()));
    }
    fillInFromAdapter(settings);
    settings.computeIfAbsent(
        "output", _ -> new Setting(new Setting.Text("runs/" + name), "default", Optional.empty()));
    return record(RunConfig.class, "", settings, source);
  }

  private boolean isFull(Map<String, Setting> settings) {
    Setting method = settings.get("method");
    return method != null && values.convert(key("method"), method) == Method.FULL;
  }

  /** What says how an adapter looks says nothing where there is none. */
  private static void refuseAdapter(Map<String, Setting> settings) {
    List<String> adapters =
        settings.keySet().stream().filter(path -> path.startsWith("lora.")).sorted().toList();
    if (!adapters.isEmpty()) {
      throw new ConfigException(
          "%s: %s: there is no adapter with method: full; remove %s (null unsets a key)"
              .formatted(
                  Objects.requireNonNull(settings.get(adapters.getFirst())).place(),
                  String.join(", ", adapters),
                  adapters.size() == 1 ? "the key" : "the keys"));
    }
  }

  private void fillInFromAdapter(Map<String, Setting> settings) {
    Setting initFrom = settings.get("lora.init-from");
    if (initFrom != null
        && values.convert(key("lora.init-from"), initFrom) instanceof Optional<?> folder
        && folder.orElseThrow() instanceof Path path) {
      StartingAdapter.fillIn(settings, path, keys, values);
    }
  }

  private void apply(String override, Map<String, Setting> settings) {
    String place = "--set " + override;
    int equals = override.indexOf('=');
    if (equals < 0) {
      throw new ConfigException(place + ": write --set key=value, e.g. --set lora.rank=8");
    }
    String path = override.substring(0, equals).strip();
    if (keys.isSection(path)) {
      throw new ConfigException(
          "%s: %s is a section; set one of its keys: %s"
              .formatted(place, path, keys.namesIn(path)));
    }
    ConfigKey key = keys.find(path).orElseThrow(() -> keys.unknown(place, path));
    String text = override.substring(equals + 1).strip();
    settings.put(path, new Setting(value(key, text, place), place, Optional.empty()));
  }

  /** Text is taken as it is, so that no path has to be quoted twice; the rest is YAML. */
  static Setting.Value value(ConfigKey key, String text, String place) {
    if (text.isEmpty() || text.equals("null")) {
      return new Setting.Unset();
    }
    return switch (key.kind()) {
      case TEXT -> new Setting.Text(text);
      case TEXTS, SOURCES, RANGES ->
          text.startsWith("[") || text.startsWith("{")
              ? YamlSettings.parseValue(text, place, key.mayHoldFields())
              : new Setting.Items(
                  Arrays.stream(text.split(",", -1))
                      .<Setting.Value>map(item -> new Setting.Text(item.strip()))
                      .toList());
      case WHOLE_NUMBERS_BY_NAME, NUMBERS_BY_NAME -> YamlSettings.parseValue(text, place, true);
      case WHOLE_NUMBER, NUMBER, TRUTH, CHOICE -> YamlSettings.parseValue(text, place);
    };
  }

  /** Makes a record of the settings below a prefix. */
  private <T> T record(Class<T> type, String prefix, Map<String, Setting> settings, String source) {
    RecordComponent[] components = type.getRecordComponents();
    var arguments = new @Nullable Object[components.length];
    for (int i = 0; i < components.length; i++) {
      String path = prefix + ConfigKey.nameOf(components[i]);
      arguments[i] =
          components[i].getType().isRecord()
              ? record(components[i].getType(), path + ".", settings, source)
              : values.convert(key(path), settingOf(key(path), settings, source));
    }
    return construct(type, components, arguments, prefix, settings, source);
  }

  private ConfigKey key(String path) {
    return keys.find(path).orElseThrow();
  }

  private static @Nullable Setting settingOf(
      ConfigKey key, Map<String, Setting> settings, String source) {
    Setting given = settings.get(key.path());
    if (given != null) {
      return given;
    }
    if (key.key().required()) {
      throw new ConfigException(
          "%s: %s: is missing; %s".formatted(source, key.path(), key.key().value()));
    }
    String unless = key.key().unlessGiven();
    boolean applies = unless.isEmpty() || !settings.containsKey(key.sibling(unless));
    String byDefault = key.key().byDefault();
    return byDefault.isEmpty() || !applies
        ? null
        : new Setting(YamlSettings.parseValue(byDefault, "default"), "default", Optional.empty());
  }

  private static <T> T construct(
      Class<T> type,
      RecordComponent[] components,
      @Nullable Object[] arguments,
      String prefix,
      Map<String, Setting> settings,
      String source) {
    Class<?>[] types =
        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
    try {
      return type.getDeclaredConstructor(types).newInstance(arguments);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof InvalidSetting invalid) {
        String path = prefix + invalid.key();
        Setting setting = settings.get(path);
        String place = setting == null ? source : setting.place();
        throw new ConfigException("%s: %s: %s".formatted(place, path, invalid.problem()));
      }
      throw new IllegalStateException(type + " cannot be made", e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(type + " cannot be made", e);
    }
  }
}
