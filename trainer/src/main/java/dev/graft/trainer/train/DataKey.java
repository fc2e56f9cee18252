package dev.graft.trainer.train;

import dev.graft.modelio.ModelConfig;
import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.DataException;
import dev.graft.trainer.config.DataConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What decides a run's tokens: the content of the data files, of the files that make the tokenizer
 * and its chat template, the options, and the program itself. Equal keys mean equal tokens.
 *
 * @param hash SHA-256 over all of it, in hexadecimal
 * @param files SHA-256 of each data file
 */
record DataKey(String hash, List<String> files) {

  /** Everything of a checkpoint that has a part in text and tokens. */
  private static final List<String> TOKENIZER_FILES =
      List.of(
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "generation_config.json",
          "config.json",
          "chat_template.jinja",
          "chat_template.json",
          "additional_chat_templates/tool_use.jinja");

  /**
   * Reads all of it.
   *
   * @throws DataException if a data file cannot be read
   */
  static DataKey of(DataConfig config, List<DataPart> parts, Path base, ModelConfig model) {
    MessageDigest all = sha256();
    List<String> files = new ArrayList<>();
    for (DataPart part : parts) {
      files.add(HexFormat.of().formatHex(ofDataFile(part.file())));
      add(all, files.getLast(), part.part(), part.format(), new TreeMap<>(part.columns()));
    }
    boolean dated = false;
    List<Path> others = new ArrayList<>();
    TOKENIZER_FILES.forEach(name -> others.add(base.resolve(name)));
    if (!ChatFormats.names().contains(config.template())) {
      others.add(path(config.template()));
    }
    for (Path file : others) {
      byte[] content = contentOrNothing(file);
      add(all, file.getFileName(), content.length);
      all.update(content);
      dated |= !file.endsWith("tokenizer.json") && text(content).contains("strftime_now");
    }
    // A template that prints the date makes other tokens tomorrow.
    add(all, dated ? LocalDate.now() : "undated", config.template());
    add(all, config.trainOn(), config.trainOnPrompt(), config.allowSpecial());
    add(all, config.maxLength().orElse(model.maxPositionEmbeddings()), config.validationSplit());
    all.update(program());
    return new DataKey(HexFormat.of().formatHex(all.digest()), List.copyOf(files));
  }

  private static void add(MessageDigest digest, Object... values) {
    for (Object value : values) {
      digest.update(String.valueOf(value).getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0xFF);
    }
  }

  private static String text(byte[] content) {
    return new String(content, StandardCharsets.UTF_8);
  }

  private static Path path(String template) {
    try {
      return Path.of(template);
    } catch (InvalidPathException e) {
      return Path.of("none");
    }
  }

  private static byte[] contentOrNothing(Path file) {
    try {
      return Files.isRegularFile(file) ? Files.readAllBytes(file) : new byte[0];
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] ofDataFile(Path file) {
    if (Files.isDirectory(file)) {
      throw new DataException(file + " is a folder. Name the data file inside it.");
    }
    MessageDigest digest = sha256();
    byte[] buffer = new byte[1 << 16];
    try (InputStream in = Files.newInputStream(file)) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
      }
      return digest.digest();
    } catch (NoSuchFileException e) {
      throw new DataException(file + " does not exist. Check the path.", e);
    } catch (IOException e) {
      throw new DataException(file + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** The code that tokenizes: another version may lay out or mask in another way. */
  private static byte[] program() {
    MessageDigest digest = sha256();
    try {
      Path code =
          Path.of(ChatFormats.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      try (Stream<Path> files = Files.walk(code)) {
        for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
          digest.update(Files.readAllBytes(file));
        }
      }
    } catch (IOException | URISyntaxException e) {
      throw new IllegalStateException("the program's own code cannot be read", e);
    }
    return digest.digest();
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }
}
