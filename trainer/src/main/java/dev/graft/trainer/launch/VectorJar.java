package dev.graft.trainer.launch;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReader;
import java.lang.module.ModuleReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * The Vector API of the JDK that runs this, in a jar for its boot class path.
 *
 * <p>Java archives neither modules nor linked classes while an incubator module is there ({@code
 * ModuleBootstrap.boot2}), and then makes every lambda anew at each start. The same classes on the
 * boot class path belong to no module. They are looked up by name wherever the JVM has something of
 * its own for them, so that they compile to the same code; the options make up for what it does
 * when it meets the module.
 */
final class VectorJar {

  private static final String MODULE = "jdk.incubator.vector";

  private VectorJar() {}

  static void write(Path jar) throws IOException {
    ModuleReference module = ModuleFinder.ofSystem().find(MODULE).orElseThrow();
    try (ModuleReader reader = module.open();
        OutputStream out = Files.newOutputStream(jar);
        var zip = new ZipOutputStream(out)) {
      for (String name : reader.list().filter(VectorJar::isPartOfIt).sorted().toList()) {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(reader.open(name).orElseThrow().readAllBytes());
        zip.closeEntry();
      }
    }
  }

  private static boolean isPartOfIt(String name) {
    return !name.endsWith("/") && !name.equals("module-info.class");
  }

  /** What Java has to be told beside where the jar is. */
  static List<String> options() {
    List<String> options = new ArrayList<>();
    ModuleDescriptor base = Object.class.getModule().getDescriptor();
    base.exports().stream()
        .filter(exports -> exports.targets().contains(MODULE))
        .map(exports -> "--add-exports=java.base/" + exports.source() + "=ALL-UNNAMED")
        .sorted()
        .forEach(options::add);
    options.add("-XX:+UnlockExperimentalVMOptions");
    options.add("-XX:+EnableVectorSupport");
    options.add("-XX:+EnableVectorReboxing");
    options.add("-XX:+EnableVectorAggressiveReboxing");
    return options;
  }
}
