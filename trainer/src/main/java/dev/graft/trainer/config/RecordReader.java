package dev.graft.trainer.config;

import dev.graft.tokenizer.Nearest;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads YAML into records of {@link Key}s, as strictly as a run's configuration is read, for
 * configurations that hold named things of several kinds. Besides what {@link RunConfig} may hold,
 * a component may be
 *
 * <ul>
 *   <li>a record, or an optional one: a section
 *   <li>a {@code Map<String, R>} of records: sections whose names are the writer's own
 *   <li>a {@code Map<String, S>} of a sealed interface of records: the same, and each says by its
 *       key {@code kind} which record it is; where nothing but the kind is to be said, the kind
 *       alone may stand for the section
 *   <li>a {@code Map<String, String>} or {@code Map<String, Double>}
 * </ul>
 */
public final class RecordReader {

  private final Values values;
  private final String source;

  private RecordReader(boolean inputsHaveToExist, String source) {
    this.values = new Values(inputsHaveToExist);
    this.source = source;
  }

  /**
   * Reads a file.
   *
   * @param overrides {@code statistics.resamples=100}, each; later ones win
   * @param inputsHaveToExist false for recipes that name the user's own files
   * @throws ConfigException that names the key, the file and the line
   */
  public static <T extends Record> T read(
      Path file, Class<T> type, List<String> overrides, boolean inputsHaveToExist) {
    SettingTree.Branch root =
        SettingTree.parse(
            ConfigReader.text(file),
            file.toString(),
            Optional.ofNullable(file.toAbsolutePath().getParent()));
    return type.cast(
        new RecordReader(inputsHaveToExist, file.toString())
            .record(type, "", SettingTree.overridden(root, overrides)));
  }

  private Object record(Class<?> type, String prefix, SettingTree.Branch branch) {
    RecordComponent[] components = type.getRecordComponents();
    List<String> known = Arrays.stream(components).map(ConfigKey::nameOf).toList();
    branch
        .children()
        .forEach((name, child) -> {
          if (!known.contains(name) && !(name.equals("kind") && isKind(type))) {
            throw unknown(child.place(), prefix + name, name, known);
          }
        });
    var arguments = new @Nullable Object[components.length];
    for (int i = 0; i < components.length; i++) {
      String name = known.get(i);
      arguments[i] = component(components[i], prefix + name, branch.children().get(name), branch);
    }
    return construct(type, components, arguments, prefix, branch);
  }

  private static ConfigException unknown(
      String place, String path, String name, List<String> known) {
    String near = Nearest.suggestion(name, known);
    String holds = known.isEmpty() ? "it holds no keys" : "there are " + String.join(", ", known);
    return new ConfigException(
        "%s: %s: unknown key%s".formatted(place, path, near.isEmpty() ? "; " + holds : near));
  }

  private Object component(
      RecordComponent component,
      String path,
      @Nullable SettingTree tree,
      SettingTree.Branch parent) {
    Key key = ConfigKey.keyOf(component);
    boolean unset =
        tree == null
            || (tree instanceof SettingTree.Leaf(Setting setting)
                && setting.value() instanceof Setting.Unset);
    if (unset && key.required()) {
      throw new ConfigException(
          "%s: %s: is missing; %s".formatted(parent.place(), path, key.value()));
    }
    Class<?> type = component.getType();
    Class<?> held = held(component);
    if (type.isRecord()) {
      return record(type, path + ".", branch(unset ? null : tree, path, parent));
    }
    if (type == Optional.class && held.isRecord()) {
      return unset
          ? Optional.empty()
          : Optional.of(record(held, path + ".", branch(tree, path, parent)));
    }
    if (type == Map.class) {
      return map(held, path, branch(unset ? null : tree, path, parent));
    }
    var own = new ConfigKey(path, component, key);
    return values.convert(own, leaf(unset ? null : tree, own));
  }

  private static @Nullable Setting leaf(@Nullable SettingTree tree, ConfigKey key) {
    return switch (tree) {
      case null ->
          key.key().byDefault().isEmpty()
              ? null
              : new Setting(
                  YamlSettings.parseValue(key.key().byDefault(), "default"),
                  "default",
                  Optional.empty());
      case SettingTree.Given(String text, String place) ->
          new Setting(ConfigReader.value(key, text, place), place, Optional.empty());
      case SettingTree.Leaf(Setting setting) -> setting;
      case SettingTree.Branch branch ->
          throw new ConfigException(
              "%s: %s: holds keys of its own, a value is needed"
                  .formatted(branch.place(), key.path()));
    };
  }

  private static SettingTree.Branch branch(
      @Nullable SettingTree tree, String path, SettingTree.Branch parent) {
    return switch (tree) {
      case null -> new SettingTree.Branch(Map.of(), parent.place());
      case SettingTree.Branch branch -> branch;
      case SettingTree.Leaf leaf ->
          throw new ConfigException(
              "%s: %s: is a section; its keys go on lines of their own below it"
                  .formatted(leaf.place(), path));
      case SettingTree.Given given ->
          throw new ConfigException(
              "%s: %s is a section; set one of its keys".formatted(given.place(), path));
    };
  }

  private Map<String, Object> map(Class<?> held, String path, SettingTree.Branch branch) {
    var map = new LinkedHashMap<String, Object>();
    branch
        .children()
        .forEach((name, child) -> {
          String own = path + "." + name;
          if (held.isSealed()) {
            map.put(name, ofKind(held, own, child));
          } else if (held.isRecord()) {
            map.put(name, record(held, own + ".", branch(child, own, branch)));
          } else {
            map.put(name, scalar(held, own, child));
          }
        });
    return Collections.unmodifiableMap(map);
  }

  private static Object scalar(Class<?> held, String path, SettingTree tree) {
    Setting setting =
        switch (tree) {
          case SettingTree.Leaf leaf -> leaf.setting();
          case SettingTree.Given(String text, String place) ->
              new Setting(
                  held == String.class
                      ? new Setting.Text(text)
                      : YamlSettings.parseValue(text, place),
                  place,
                  Optional.empty());
          case SettingTree.Branch branch ->
              throw new ConfigException(
                  "%s: %s: holds keys of its own, a value is needed"
                      .formatted(branch.place(), path));
        };
    if (held == String.class && setting.value() instanceof Setting.Text(String text)) {
      return text;
    }
    if (held == Double.class) {
      return switch (setting.value()) {
        case Setting.Whole(String text) -> Double.valueOf(text);
        case Setting.Real(String text) -> Double.valueOf(text);
        case Setting.Value _ -> throw wrong(setting, path, "a number is needed");
      };
    }
    throw wrong(setting, path, "text is needed");
  }

  private static ConfigException wrong(Setting setting, String path, String needed) {
    return new ConfigException(
        "%s: %s: is %s, %s"
            .formatted(setting.place(), path, Setting.quoted(setting.value()), needed));
  }

  private Object ofKind(Class<?> sealedType, String path, SettingTree tree) {
    SettingTree.Branch branch =
        switch (tree) {
          case SettingTree.Branch it -> it;
          // "header: exact" says as much as "header: {kind: exact}".
          case SettingTree.Leaf leaf -> new SettingTree.Branch(Map.of("kind", leaf), leaf.place());
          case SettingTree.Given kind -> new SettingTree.Branch(Map.of("kind", kind), kind.place());
        };
    Map<String, Class<?>> kinds = kindsOf(sealedType);
    String choices = String.join(", ", kinds.keySet());
    SettingTree kind = branch.children().get("kind");
    if (kind == null) {
      throw new ConfigException(
          "%s: %s.kind: is missing; one of %s".formatted(branch.place(), path, choices));
    }
    Setting setting =
        switch (kind) {
          case SettingTree.Leaf leaf -> leaf.setting();
          case SettingTree.Given(String text, String place) ->
              new Setting(new Setting.Text(text), place, Optional.empty());
          case SettingTree.Branch it ->
              throw new ConfigException(
                  "%s: %s.kind: one of %s".formatted(it.place(), path, choices));
        };
    if (setting.value() instanceof Setting.Text(String text) && kinds.containsKey(text)) {
      return record(kinds.get(text), path + ".", branch);
    }
    String near =
        setting.value() instanceof Setting.Text(String text)
            ? Nearest.suggestion(text, kinds.keySet())
            : "";
    throw wrong(setting, path + ".kind", "one of " + choices + near);
  }

  /** The records of a sealed interface by the words for them: {@code RougeL} is {@code rouge-l}. */
  static Map<String, Class<?>> kindsOf(Class<?> sealedType) {
    var kinds = new LinkedHashMap<String, Class<?>>();
    for (Class<?> each : sealedType.getPermittedSubclasses()) {
      kinds.put(
          each.getSimpleName().replaceAll("(?<=.)([A-Z])", "-$1").toLowerCase(Locale.ROOT), each);
    }
    return kinds;
  }

  private static boolean isKind(Class<?> type) {
    return Arrays.stream(type.getInterfaces()).anyMatch(Class::isSealed);
  }

  /** What an optional, a list or a map holds; the component's own type for all others. */
  static Class<?> held(RecordComponent component) {
    if (!(component.getGenericType() instanceof ParameterizedType generic)) {
      return component.getType();
    }
    Type[] arguments = generic.getActualTypeArguments();
    return arguments[arguments.length - 1] instanceof Class<?> held ? held : Object.class;
  }

  private Object construct(
      Class<?> type,
      RecordComponent[] components,
      @Nullable Object[] arguments,
      String prefix,
      SettingTree.Branch branch) {
    Class<?>[] types =
        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
    try {
      var constructor = type.getDeclaredConstructor(types);
      constructor.setAccessible(true);
      return constructor.newInstance(arguments);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof InvalidSetting invalid) {
        SettingTree setting = branch.children().get(invalid.key());
        String place = setting == null ? branch.place() : setting.place();
        throw new ConfigException(
            "%s: %s: %s".formatted(place, prefix + invalid.key(), invalid.problem()));
      }
      throw new IllegalStateException(type + " of " + source + " cannot be made", e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(type + " of " + source + " cannot be made", e);
    }
  }

  /** The JSON schema of such a configuration, for editors; draft 7. */
  public static String schema(Class<? extends Record> type, String title) {
    var schema = new LinkedHashMap<String, Object>();
    schema.put("$schema", "http://json-schema.org/draft-07/schema#");
    schema.put("title", title);
    schema.putAll(object(type, null));
    return ConfigSchema.printed(schema);
  }

  private static Map<String, Object> object(Class<?> type, @Nullable String kind) {
    var properties = new LinkedHashMap<String, Object>();
    var required = new ArrayList<String>();
    if (kind != null) {
      properties.put("kind", Map.of("const", kind));
      required.add("kind");
    }
    for (RecordComponent component : type.getRecordComponents()) {
      Key key = ConfigKey.keyOf(component);
      String name = ConfigKey.nameOf(component);
      if (key.required()) {
        required.add(name);
      }
      properties.put(name, property(component, key, name));
    }
    return ConfigSchema.object(properties, required);
  }

  private static Map<String, Object> property(RecordComponent component, Key key, String name) {
    Class<?> held = held(component);
    var property = new LinkedHashMap<String, Object>();
    property.put("description", key.value());
    if (held.isRecord() && component.getType() != Map.class) {
      property.putAll(object(held, null));
    } else if (component.getType() == Map.class) {
      property.put("type", "object");
      property.put("additionalProperties", element(held));
    } else {
      return ConfigSchema.property(new ConfigKey(name, component, key));
    }
    return property;
  }

  private static Object element(Class<?> held) {
    if (held.isSealed()) {
      var kinds = new ArrayList<Object>();
      kinds.add(Map.of("enum", List.copyOf(kindsOf(held).keySet())));
      kindsOf(held).forEach((kind, type) -> kinds.add(object(type, kind)));
      return Map.of("anyOf", kinds);
    }
    return held.isRecord()
        ? object(held, null)
        : Map.of("type", held == Double.class ? "number" : "string");
  }
}
