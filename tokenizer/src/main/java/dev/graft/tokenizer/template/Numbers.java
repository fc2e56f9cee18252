package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Value.Bool;
import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.Num;
import dev.graft.tokenizer.template.Value.Real;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;

/** Arithmetic and comparison of Python's int, float and bool. */
final class Numbers {
  /** Bits an int may have: {@code 9**9**9} must not hang a training run. */
  private static final int MAX_BITS = 1 << 16;

  private Numbers() {}

  static boolean isIntegral(double value) {
    return !Double.isInfinite(value) && value == Math.rint(value);
  }

  static BigInteger toBigInteger(double value) {
    return new BigDecimal(value).toBigInteger();
  }

  static boolean equal(Num a, Num b) {
    if (a instanceof Real || b instanceof Real) {
      return compareWithReal(a, b) == 0;
    }
    return a.asInteger().equals(b.asInteger());
  }

  /** -1, 0 or 1; 2 where a NaN makes every comparison false. */
  static int compare(Num a, Num b) {
    return a instanceof Real || b instanceof Real
        ? compareWithReal(a, b)
        : a.asInteger().compareTo(b.asInteger());
  }

  private static int compareWithReal(Num a, Num b) {
    double x = a instanceof Real real ? real.value() : 0;
    double y = b instanceof Real real ? real.value() : 0;
    if (Double.isNaN(x) || Double.isNaN(y)) {
      return 2;
    }
    if (a instanceof Real && b instanceof Real) {
      return x < y ? -1 : x > y ? 1 : 0;
    }
    if (Double.isInfinite(x)) {
      return x < 0 ? -1 : 1;
    }
    if (Double.isInfinite(y)) {
      return y < 0 ? 1 : -1;
    }
    return exact(a).compareTo(exact(b));
  }

  private static BigDecimal exact(Num number) {
    return number instanceof Real real
        ? new BigDecimal(real.value())
        : new BigDecimal(number.asInteger());
  }

  static double toDouble(Num number) {
    double value = number.asDouble();
    if (Double.isInfinite(value) && !(number instanceof Real)) {
      throw new PyError(PyError.Kind.OVERFLOW, "int too large to convert to float");
    }
    return value;
  }

  static Value add(Num a, Num b) {
    return a instanceof Real || b instanceof Real
        ? new Real(toDouble(a) + toDouble(b))
        : new Int(a.asInteger().add(b.asInteger()));
  }

  static Value subtract(Num a, Num b) {
    return a instanceof Real || b instanceof Real
        ? new Real(toDouble(a) - toDouble(b))
        : new Int(a.asInteger().subtract(b.asInteger()));
  }

  static Value multiply(Num a, Num b) {
    if (a instanceof Real || b instanceof Real) {
      return new Real(toDouble(a) * toDouble(b));
    }
    checkBits((long) a.asInteger().bitLength() + b.asInteger().bitLength());
    return new Int(a.asInteger().multiply(b.asInteger()));
  }

  private static void checkBits(long bits) {
    if (bits > MAX_BITS) {
      throw PyError.limit("an int grows beyond " + MAX_BITS + " bits; correct the template");
    }
  }

  static Value divide(Num a, Num b) {
    if (b.asDouble() == 0) {
      throw new PyError(PyError.Kind.ZERO_DIVISION, "division by zero");
    }
    if (a instanceof Real || b instanceof Real) {
      return new Real(toDouble(a) / toDouble(b));
    }
    BigInteger x = a.asInteger();
    BigInteger y = b.asInteger();
    if (x.bitLength() <= 53 && y.bitLength() <= 53) {
      return new Real(x.doubleValue() / y.doubleValue());
    }
    // Python rounds the exact quotient once; 60 digits are more than any double needs to decide.
    double quotient =
        new BigDecimal(x)
            .divide(new BigDecimal(y), new java.math.MathContext(800, RoundingMode.HALF_EVEN))
            .doubleValue();
    if (Double.isInfinite(quotient)) {
      throw new PyError(PyError.Kind.OVERFLOW, "integer division result too large for a float");
    }
    return new Real(quotient);
  }

  static Value floorDivide(Num a, Num b) {
    if (b.asDouble() == 0) {
      throw new PyError(PyError.Kind.ZERO_DIVISION, "integer division or modulo by zero");
    }
    if (a instanceof Real || b instanceof Real) {
      return new Real(floorDivide(toDouble(a), toDouble(b)));
    }
    return new Int(floorDivide(a.asInteger(), b.asInteger()));
  }

  static BigInteger floorDivide(BigInteger a, BigInteger b) {
    BigInteger[] parts = a.divideAndRemainder(b);
    return parts[1].signum() != 0 && parts[1].signum() != b.signum()
        ? parts[0].subtract(BigInteger.ONE)
        : parts[0];
  }

  /**
   * CPython's float floor division: the quotient of what is left when the remainder is taken off.
   */
  private static double floorDivide(double a, double b) {
    double remainder = a % b;
    double quotient = (a - remainder) / b;
    if (remainder != 0 && remainder < 0 != b < 0) {
      quotient -= 1;
    }
    if (quotient == 0) {
      return Math.copySign(0, a / b);
    }
    double floor = Math.floor(quotient);
    return quotient - floor > 0.5 ? floor + 1 : floor;
  }

  static Value modulo(Num a, Num b) {
    if (b.asDouble() == 0) {
      throw new PyError(PyError.Kind.ZERO_DIVISION, "integer division or modulo by zero");
    }
    if (a instanceof Real || b instanceof Real) {
      double y = toDouble(b);
      double remainder = toDouble(a) % y;
      if (remainder == 0) {
        return new Real(Math.copySign(0, y));
      }
      return new Real(remainder < 0 != y < 0 ? remainder + y : remainder);
    }
    BigInteger remainder = a.asInteger().remainder(b.asInteger());
    return new Int(
        remainder.signum() != 0 && remainder.signum() != b.asInteger().signum()
            ? remainder.add(b.asInteger())
            : remainder);
  }

  static Value power(Num a, Num b) {
    if (!(a instanceof Real) && !(b instanceof Real) && b.asInteger().signum() >= 0) {
      BigInteger base = a.asInteger();
      BigInteger exponent = b.asInteger();
      if (base.bitLength() <= 1 && exponent.bitLength() > 31) {
        return new Int(exponent.testBit(0) ? base : base.multiply(base));
      }
      checkBits(
          exponent.bitLength() > 31 ? Long.MAX_VALUE : exponent.longValue() * base.bitLength());
      return new Int(base.pow(exponent.intValueExact()));
    }
    double x = toDouble(a);
    double y = toDouble(b);
    if (x == 0 && y < 0) {
      throw new PyError(PyError.Kind.ZERO_DIVISION, "0.0 cannot be raised to a negative power");
    }
    if (x < 0 && !Double.isInfinite(x) && !isIntegral(y) && !Double.isInfinite(y)) {
      throw PyError.unsupported("a negative number to a fractional power is a complex number");
    }
    double result = x == 1 || y == 0 ? 1 : x == -1 && Double.isInfinite(y) ? 1 : Math.pow(x, y);
    if (Double.isInfinite(result) && !Double.isInfinite(x) && !Double.isInfinite(y)) {
      throw new PyError(PyError.Kind.OVERFLOW, "(34, 'Numerical result out of range')");
    }
    return new Real(result);
  }

  static Value negate(Num a) {
    return a instanceof Real real ? new Real(-real.value()) : new Int(a.asInteger().negate());
  }

  static Value absolute(Num a) {
    return a instanceof Real real ? new Real(Math.abs(real.value())) : new Int(a.asInteger().abs());
  }

  /** An int small enough to count with; Python's error for one that is not. */
  static int toInt(Value value, String what) {
    if (!(value instanceof Num number) || value instanceof Real) {
      throw PyError.type(
          what + ": '" + value.typeName() + "' object cannot be interpreted as an integer");
    }
    BigInteger integer = number.asInteger();
    if (integer.bitLength() > 31) {
      throw new PyError(PyError.Kind.OVERFLOW, "cannot fit 'int' into an index-sized integer");
    }
    return integer.intValue();
  }

  static boolean isInteger(Value value) {
    return value instanceof Int || value instanceof Bool;
  }

  /** Python's {@code round(x, digits)}: halves of the exact decimal go to the even digit. */
  static Value round(Num number, int digits) {
    if (!(number instanceof Real real)) {
      BigInteger integer = number.asInteger();
      if (digits >= 0) {
        return new Int(integer);
      }
      return new Int(
          new BigDecimal(integer)
              .setScale(Math.max(digits, -100_000), RoundingMode.HALF_EVEN)
              .toBigInteger());
    }
    double value = real.value();
    if (Double.isNaN(value) || Double.isInfinite(value) || digits > 400) {
      return real;
    }
    if (digits < -400) {
      return new Real(Math.copySign(0, value));
    }
    double rounded = new BigDecimal(value).setScale(digits, RoundingMode.HALF_EVEN).doubleValue();
    return new Real(rounded == 0 ? Math.copySign(0, value) : rounded);
  }

  /** Python's {@code int(x)} of a number. */
  static BigInteger truncate(Num number) {
    if (!(number instanceof Real real)) {
      return number.asInteger();
    }
    if (Double.isNaN(real.value())) {
      throw PyError.value("cannot convert float NaN to integer");
    }
    if (Double.isInfinite(real.value())) {
      throw new PyError(PyError.Kind.OVERFLOW, "cannot convert float infinity to integer");
    }
    return toBigInteger(real.value());
  }
}
