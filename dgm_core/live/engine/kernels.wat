;; The kernels of the live engine: `product`, `silu` and `words`. `kernels.js` describes them and has
;; the same functions in plain JavaScript, with the same order of additions and so the same results.
(module
  (memory (export "memory") 1)

  ;; Rows of products with a matrix of weights, four rows by eight columns at a time.
  ;; $weights: panels of eight columns, each with its rows one after another. With $scales they have
  ;; 8 bits, and $scratch has room for one panel of 32 bits.
  (func (export "product")
    (param $table i32) (param $rows i32) (param $block i32)
    (param $segments i32) (param $length i32) (param $stride i32)
    (param $weights i32) (param $bias i32) (param $panels i32) (param $scales i32) (param $scratch i32)
    (local $depth i32) (local $read i32) (local $end i32) (local $blockEnd i32) (local $from i32) (local $at i32)
    (local $panel i32) (local $w i32) (local $panelStart i32) (local $b i32) (local $column i32)
    (local $s i32) (local $shift i32) (local $k i32) (local $panelBytes i32)
    (local $p0 i32) (local $p1 i32) (local $p2 i32) (local $p3 i32)
    (local $c00 v128) (local $c01 v128) (local $c10 v128) (local $c11 v128)
    (local $c20 v128) (local $c21 v128) (local $c30 v128) (local $c31 v128)
    (local $w0 v128) (local $w1 v128) (local $x v128)

    (local.set $depth (i32.mul (local.get $segments) (local.get $length)))
    (local.set $panelBytes
      (i32.shl (local.get $depth) (select (i32.const 3) (i32.const 5) (local.get $scales))))
    (local.set $end (i32.add (local.get $table) (i32.shl (local.get $rows) (i32.const 3))))
    (local.set $from (local.get $table))
    (loop $blocks
      (local.set $blockEnd
        (i32.add (local.get $from) (i32.shl (local.get $block) (i32.const 3))))
      (if (i32.gt_u (local.get $blockEnd) (local.get $end))
        (then (local.set $blockEnd (local.get $end))))
      (local.set $panel (i32.const 0))
      (local.set $panelStart (local.get $weights))
      (loop $overPanels
        (local.set $column (i32.shl (local.get $panel) (i32.const 5)))
        (local.set $b (i32.add (local.get $bias) (local.get $column)))
        (local.set $read (local.get $panelStart))
        (if (local.get $scales)
          (then
            (call $expand (local.get $panelStart) (local.get $depth) (local.get $scratch)
              (i32.add (local.get $scales) (local.get $column)))
            (local.set $read (local.get $scratch))))
        (local.set $at (local.get $from))
        (loop $fourRows
          (local.set $c00 (v128.load (local.get $b)))
          (local.set $c01 (v128.load offset=16 (local.get $b)))
          (local.set $c10 (local.get $c00)) (local.set $c11 (local.get $c01))
          (local.set $c20 (local.get $c00)) (local.set $c21 (local.get $c01))
          (local.set $c30 (local.get $c00)) (local.set $c31 (local.get $c01))
          (local.set $w (local.get $read))
          (local.set $shift (i32.const 0))
          (local.set $s (local.get $segments))
          (loop $overSegments
            (local.set $p0 (i32.add (i32.load (local.get $at)) (local.get $shift)))
            (local.set $p1 (i32.add (i32.load offset=8 (local.get $at)) (local.get $shift)))
            (local.set $p2 (i32.add (i32.load offset=16 (local.get $at)) (local.get $shift)))
            (local.set $p3 (i32.add (i32.load offset=24 (local.get $at)) (local.get $shift)))
            (local.set $k (local.get $length))
            (loop $inner
              ;; k
              (local.set $w0 (v128.load (local.get $w)))
              (local.set $w1 (v128.load offset=16 (local.get $w)))
              (local.set $x (v128.load32_splat (local.get $p0)))
              (local.set $c00 (f32x4.add (local.get $c00) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c01 (f32x4.add (local.get $c01) (f32x4.mul (local.get $x) (local.get $w1))))
              (local.set $x (v128.load32_splat (local.get $p1)))
              (local.set $c10 (f32x4.add (local.get $c10) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c11 (f32x4.add (local.get $c11) (f32x4.mul (local.get $x) (local.get $w1))))
              (local.set $x (v128.load32_splat (local.get $p2)))
              (local.set $c20 (f32x4.add (local.get $c20) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c21 (f32x4.add (local.get $c21) (f32x4.mul (local.get $x) (local.get $w1))))
              (local.set $x (v128.load32_splat (local.get $p3)))
              (local.set $c30 (f32x4.add (local.get $c30) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c31 (f32x4.add (local.get $c31) (f32x4.mul (local.get $x) (local.get $w1))))
              ;; k + 1
              (local.set $w0 (v128.load offset=32 (local.get $w)))
              (local.set $w1 (v128.load offset=48 (local.get $w)))
              (local.set $x (v128.load32_splat offset=4 (local.get $p0)))
              (local.set $c00 (f32x4.add (local.get $c00) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c01 (f32x4.add (local.get $c01) (f32x4.mul (local.get $x) (local.get $w1))))
              (local.set $x (v128.load32_splat offset=4 (local.get $p1)))
              (local.set $c10 (f32x4.add (local.get $c10) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c11 (f32x4.add (local.get $c11) (f32x4.mul (local.get $x) (local.get $w1))))
              (local.set $x (v128.load32_splat offset=4 (local.get $p2)))
              (local.set $c20 (f32x4.add (local.get $c20) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c21 (f32x4.add (local.get $c21) (f32x4.mul (local.get $x) (local.get $w1))))
              (local.set $x (v128.load32_splat offset=4 (local.get $p3)))
              (local.set $c30 (f32x4.add (local.get $c30) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c31 (f32x4.add (local.get $c31) (f32x4.mul (local.get $x) (local.get $w1))))
              ;; k + 2
              (local.set $w0 (v128.load offset=64 (local.get $w)))
              (local.set $w1 (v128.load offset=80 (local.get $w)))
              (local.set $x (v128.load32_splat offset=8 (local.get $p0)))
              (local.set $c00 (f32x4.add (local.get $c00) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c01 (f32x4.add (local.get $c01) (f32x4.mul (local.get $x) (local.get $w1))))
              (local.set $x (v128.load32_splat offset=8 (local.get $p1)))
              (local.set $c10 (f32x4.add (local.get $c10) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c11 (f32x4.add (local.get $c11) (f32x4.mul (local.get $x) (local.get $w1))))
              (local.set $x (v128.load32_splat offset=8 (local.get $p2)))
              (local.set $c20 (f32x4.add (local.get $c20) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c21 (f32x4.add (local.get $c21) (f32x4.mul (local.get $x) (local.get $w1))))
              (local.set $x (v128.load32_splat offset=8 (local.get $p3)))
              (local.set $c30 (f32x4.add (local.get $c30) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c31 (f32x4.add (local.get $c31) (f32x4.mul (local.get $x) (local.get $w1))))
              ;; k + 3
              (local.set $w0 (v128.load offset=96 (local.get $w)))
              (local.set $w1 (v128.load offset=112 (local.get $w)))
              (local.set $x (v128.load32_splat offset=12 (local.get $p0)))
              (local.set $c00 (f32x4.add (local.get $c00) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c01 (f32x4.add (local.get $c01) (f32x4.mul (local.get $x) (local.get $w1))))
              (local.set $x (v128.load32_splat offset=12 (local.get $p1)))
              (local.set $c10 (f32x4.add (local.get $c10) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c11 (f32x4.add (local.get $c11) (f32x4.mul (local.get $x) (local.get $w1))))
              (local.set $x (v128.load32_splat offset=12 (local.get $p2)))
              (local.set $c20 (f32x4.add (local.get $c20) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c21 (f32x4.add (local.get $c21) (f32x4.mul (local.get $x) (local.get $w1))))
              (local.set $x (v128.load32_splat offset=12 (local.get $p3)))
              (local.set $c30 (f32x4.add (local.get $c30) (f32x4.mul (local.get $x) (local.get $w0))))
              (local.set $c31 (f32x4.add (local.get $c31) (f32x4.mul (local.get $x) (local.get $w1))))
              (local.set $w (i32.add (local.get $w) (i32.const 128)))
              (local.set $p0 (i32.add (local.get $p0) (i32.const 16)))
              (local.set $p1 (i32.add (local.get $p1) (i32.const 16)))
              (local.set $p2 (i32.add (local.get $p2) (i32.const 16)))
              (local.set $p3 (i32.add (local.get $p3) (i32.const 16)))
              (br_if $inner (local.tee $k (i32.sub (local.get $k) (i32.const 4)))))
            (local.set $shift (i32.add (local.get $shift) (local.get $stride)))
            (br_if $overSegments (local.tee $s (i32.sub (local.get $s) (i32.const 1)))))
          (local.set $p0 (i32.add (i32.load offset=4 (local.get $at)) (local.get $column)))
          (v128.store (local.get $p0) (local.get $c00))
          (v128.store offset=16 (local.get $p0) (local.get $c01))
          (local.set $p1 (i32.add (i32.load offset=12 (local.get $at)) (local.get $column)))
          (v128.store (local.get $p1) (local.get $c10))
          (v128.store offset=16 (local.get $p1) (local.get $c11))
          (local.set $p2 (i32.add (i32.load offset=20 (local.get $at)) (local.get $column)))
          (v128.store (local.get $p2) (local.get $c20))
          (v128.store offset=16 (local.get $p2) (local.get $c21))
          (local.set $p3 (i32.add (i32.load offset=28 (local.get $at)) (local.get $column)))
          (v128.store (local.get $p3) (local.get $c30))
          (v128.store offset=16 (local.get $p3) (local.get $c31))
          (local.set $at (i32.add (local.get $at) (i32.const 32)))
          (br_if $fourRows (i32.lt_u (local.get $at) (local.get $blockEnd))))
        (local.set $panelStart (i32.add (local.get $panelStart) (local.get $panelBytes)))
        (br_if $overPanels
          (i32.lt_u (local.tee $panel (i32.add (local.get $panel) (i32.const 1)))
            (local.get $panels))))
      (br_if $blocks
        (i32.lt_u (local.tee $from (local.get $blockEnd)) (local.get $end)))))

  ;; $depth rows of eight 8-bit integers → 32-bit numbers, times the factors of the columns.
  (func $expand (param $at i32) (param $depth i32) (param $to i32) (param $scales i32)
    (local $s0 v128) (local $s1 v128) (local $x v128)
    (local.set $s0 (v128.load (local.get $scales)))
    (local.set $s1 (v128.load offset=16 (local.get $scales)))
    (loop $next
      (local.set $x (v128.load8x8_s (local.get $at)))
      (v128.store (local.get $to)
        (f32x4.mul (local.get $s0)
          (f32x4.convert_i32x4_s (i32x4.extend_low_i16x8_s (local.get $x)))))
      (v128.store offset=16 (local.get $to)
        (f32x4.mul (local.get $s1)
          (f32x4.convert_i32x4_s (i32x4.extend_high_i16x8_s (local.get $x)))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (local.set $to (i32.add (local.get $to) (i32.const 32)))
      (br_if $next (local.tee $depth (i32.sub (local.get $depth) (i32.const 1))))))

  ;; x / (1 + exp(−x)) in place, for a multiple of four numbers.
  (func (export "silu") (param $at i32) (param $count i32)
    (local $end i32) (local $x v128) (local $y v128) (local $n v128) (local $r v128)
    (local $p v128) (local $t v128) (local $magic v128)
    (local.set $magic (f32x4.splat (f32.const 12582912)))
    (local.set $end (i32.add (local.get $at) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (local.set $x (v128.load (local.get $at)))
      (local.set $y
        (f32x4.pmax (f32x4.splat (f32.const -87))
          (f32x4.pmin (f32x4.splat (f32.const 87)) (f32x4.neg (local.get $x)))))
      ;; Adding 1.5 · 2²³ rounds y / ln 2 to a whole number n, and leaves n in the lowest bits.
      (local.set $t
        (f32x4.add
          (f32x4.mul (local.get $y) (f32x4.splat (f32.const 1.44269504)))
          (local.get $magic)))
      (local.set $n (f32x4.sub (local.get $t) (local.get $magic)))
      (local.set $r
        (f32x4.sub (local.get $y)
          (f32x4.mul (local.get $n) (f32x4.splat (f32.const 0.693359375)))))
      (local.set $r
        (f32x4.sub (local.get $r)
          (f32x4.mul (local.get $n) (f32x4.splat (f32.const -2.12194440e-4)))))
      (local.set $p (f32x4.splat (f32.const 1.9875691500e-4)))
      (local.set $p
        (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (f32x4.splat (f32.const 1.3981999507e-3))))
      (local.set $p
        (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (f32x4.splat (f32.const 8.3334519073e-3))))
      (local.set $p
        (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (f32x4.splat (f32.const 4.1665795894e-2))))
      (local.set $p
        (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (f32x4.splat (f32.const 1.6666665459e-1))))
      (local.set $p
        (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (f32x4.splat (f32.const 5.0000001201e-1))))
      ;; exp(y) = 2ⁿ (1 + r + r² p)
      (local.set $p
        (f32x4.mul
          (f32x4.add
            (f32x4.add
              (f32x4.mul (local.get $p) (f32x4.mul (local.get $r) (local.get $r)))
              (local.get $r))
            (f32x4.splat (f32.const 1)))
          (i32x4.shl
            (i32x4.add (local.get $t) (i32x4.splat (i32.const 127)))
            (i32.const 23))))
      (v128.store (local.get $at)
        (f32x4.div (local.get $x) (f32x4.add (f32x4.splat (f32.const 1)) (local.get $p))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))

  ;; Philox4x32-10 (Salmon et al. 2011): four words for each of the blocks 0, 1, …
  (func (export "words")
    (param $at i32) (param $blocks i32) (param $low i32) (param $high i32)
    (param $chain i32) (param $iteration i32) (param $purpose i32)
    (local $block i32) (local $round i32) (local $key0 i32) (local $key1 i32)
    (local $x0 i32) (local $x1 i32) (local $x2 i32) (local $x3 i32)
    (local $a i64) (local $b i64)
    (loop $next
      (local.set $x0 (local.get $block))
      (local.set $x1 (local.get $chain))
      (local.set $x2 (local.get $iteration))
      (local.set $x3 (local.get $purpose))
      (local.set $key0 (local.get $low))
      (local.set $key1 (local.get $high))
      (local.set $round (i32.const 10))
      (loop $rounds
        (local.set $a
          (i64.mul (i64.extend_i32_u (local.get $x0)) (i64.const 0xD2511F53)))
        (local.set $b
          (i64.mul (i64.extend_i32_u (local.get $x2)) (i64.const 0xCD9E8D57)))
        (local.set $x0
          (i32.xor
            (i32.xor (i32.wrap_i64 (i64.shr_u (local.get $b) (i64.const 32))) (local.get $x1))
            (local.get $key0)))
        (local.set $x2
          (i32.xor
            (i32.xor (i32.wrap_i64 (i64.shr_u (local.get $a) (i64.const 32))) (local.get $x3))
            (local.get $key1)))
        (local.set $x1 (i32.wrap_i64 (local.get $b)))
        (local.set $x3 (i32.wrap_i64 (local.get $a)))
        (local.set $key0 (i32.add (local.get $key0) (i32.const 0x9E3779B9)))
        (local.set $key1 (i32.add (local.get $key1) (i32.const 0xBB67AE85)))
        (br_if $rounds (local.tee $round (i32.sub (local.get $round) (i32.const 1)))))
      (i32.store (local.get $at) (local.get $x0))
      (i32.store offset=4 (local.get $at) (local.get $x1))
      (i32.store offset=8 (local.get $at) (local.get $x2))
      (i32.store offset=12 (local.get $at) (local.get $x3))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next
        (i32.lt_u (local.tee $block (i32.add (local.get $block) (i32.const 1)))
          (local.get $blocks))))))
