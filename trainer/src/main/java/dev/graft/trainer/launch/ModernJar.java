package dev.graft.trainer.launch;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.lang.constant.ClassDesc;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * A jar with its class files in a newer format. Java's AOT cache takes no class whose file is older
 * than Java 6's, nor what refers to one, since their verification needs the classes themselves;
 * newer files carry stack maps, which are made here. What the code does stays the same.
 */
final class ModernJar {

  /** The first version that has to have stack maps: Java 7's. */
  private static final int VERSION = ClassFile.JAVA_7_VERSION;

  private final Map<String, byte[]> entries;

  private ModernJar(Map<String, byte[]> entries) {
    this.entries = entries;
  }

  /** Writes a jar with all that another one holds. */
  static void write(Path old, Path modern) throws IOException {
    new ModernJar(read(old)).write(modern);
  }

  private static Map<String, byte[]> read(Path jar) throws IOException {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    try (var zip = new ZipFile(jar.toFile())) {
      Enumeration<? extends ZipEntry> each = zip.entries();
      while (each.hasMoreElements()) {
        ZipEntry entry = each.nextElement();
        if (!entry.isDirectory()) {
          try (InputStream in = zip.getInputStream(entry)) {
            entries.put(entry.getName(), in.readAllBytes());
          }
        }
      }
    }
    return entries;
  }

  private void write(Path jar) throws IOException {
    ClassFile classes =
        ClassFile.of(
            ClassFile.StackMapsOption.GENERATE_STACK_MAPS,
            ClassFile.ClassHierarchyResolverOption.of(
                ClassHierarchyResolver.ofResourceParsing(this::open)
                    .orElse(ClassHierarchyResolver.defaultResolver())));
    try (OutputStream out = Files.newOutputStream(jar);
        var zip = new ZipOutputStream(out)) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        zip.putNextEntry(new ZipEntry(entry.getKey()));
        boolean isClass = entry.getKey().endsWith(".class");
        zip.write(isClass ? modern(classes, entry.getValue()) : entry.getValue());
        zip.closeEntry();
      }
    }
  }

  private @Nullable InputStream open(ClassDesc type) {
    String descriptor = type.descriptorString();
    byte[] bytes = entries.get(descriptor.substring(1, descriptor.length() - 1) + ".class");
    return bytes == null ? null : new ByteArrayInputStream(bytes);
  }

  private static byte[] modern(ClassFile classes, byte[] bytes) {
    ClassModel old = classes.parse(bytes);
    if (old.majorVersion() >= VERSION) {
      return bytes;
    }
    ClassTransform version =
        (builder, element) -> {
          if (element instanceof ClassFileVersion) {
            builder.withVersion(VERSION, 0);
          } else {
            builder.with(element);
          }
        };
    // Method bodies are built anew, not copied, so that their stack maps are made.
    return classes.transformClass(
        old, version.andThen(ClassTransform.transformingMethodBodies(CodeTransform.ACCEPT_ALL)));
  }
}
