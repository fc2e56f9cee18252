package dev.graft.trainer.config;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A key of the configuration, on the record component that holds its value. The key's name is the
 * component's name in dashes: {@code maxLength} is {@code max-length}.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Key {

  /** One line for a person: what it is, its unit, what its special values mean. */
  String value();

  /** The default, as one would write it in YAML; empty where there is none. */
  String byDefault() default "";

  /** A sibling key; when that one is given, {@link #byDefault} does not apply. */
  String unlessGiven() default "";

  /** Whether a run cannot do without it. */
  boolean required() default false;

  /**
   * Whether it names something that has to exist. It is looked for in the current directory first,
   * then, if a configuration file says it, beside that file.
   */
  boolean input() default false;

  /**
   * Whether a run may go on from a checkpoint with another value than it began with: it has no part
   * in what was computed so far, or what it names is compared by content.
   */
  boolean mayChange() default false;

  /** What an {@link #input} may say instead of a path; a word that ends in "://" is a prefix. */
  String[] words() default {};
}
