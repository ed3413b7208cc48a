"""The words of the one refusal that has no exceptions, in the languages people speak here. Plain data.

The lists are kept short and clinical. Each term is read in every disguise that ``engine.moderation.reading``
knows, also with an s or es at its end. English, German, French, Spanish, Portuguese, Italian, Dutch, Polish,
Russian, Japanese, Korean, Chinese.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    """Return the terms of a block: words between spaces, phrases with ``_`` for their spaces."""
    return frozenset(word.replace("_", " ") for word in text.split())


MINORS = _words("""
    child children childlike kid kiddie kiddo toddler infant baby newborn teen teenage teenaged teenager
    teeny
    preteen tween underage underaged minors schoolgirl schoolboy schoolchild schoolkid kindergarten
    kindergartner preschool preschooler adolescent juvenile pubescent prepubescent girl girlie boy loli
    lolita
    shota shotacon lolicon jailbait daughter stepdaughter granddaughter
    elementary_school primary_school middle_school high_school

    ein_kind das_kind dem_kind kleines_kind kindes kinder kleinkind baby säugling mädchen junge jungen
    jugendliche jugendlicher teenagerin schüler
    schülerin schulmädchen schulkind minderjährig minderjährige minderjähriger tochter grundschule

    enfant fillette garçon garçonnet petite_fille jeune_fille bébé adolescent adolescente ado collégienne
    lycéenne écolier écolière mineure mineurs nourrisson

    niño niña niñito niñita menor_de_edad menores_de_edad chiquilla chiquillo adolescente colegiala colegial
    muchachita bebé hija

    criança menina menino garota garoto bebê menor_de_idade menores_de_idade aluna filha

    bambino bambina bambini bambine ragazzina ragazzino ragazzine ragazzini minorenne minorenni neonato
    neonata
    scolara figlia

    meisje meisjes jongen jongens kleuter peuter minderjarig minderjarige tiener dochter

    dziecko dzieci dziewczynka dziewczynki dziewczynek chłopiec chłopca chłopcy nastolatka nastolatki
    nastolatek
    niemowlę niemowlak uczennica uczeń nieletnia nieletni małoletnia małoletni

    ребёнок ребенка дети детей ребята девочка девочки девочку мальчик мальчика мальчики подросток подростка
    подростки несовершеннолетняя несовершеннолетний несовершеннолетние школьница школьницы школьник
    школьники
    младенец малыш малышка лоли

    子供 子ども こども 児童 幼児 幼女 少女 少年 女児 男児 赤ちゃん 赤ん坊 未成年 女子高生 女子中学生 小学生
    中学生 高校生 園児 ロリ ロリータ ショタ ティーン

    어린이 어린아이 아동 아이 유아 아기 소녀 소년 여자아이 남자아이 미성년 미성년자 초등학생 중학생 고등학생
    여고생 여중생 청소년 로리 쇼타

    儿童 兒童 小孩 孩子 幼童 幼女 少女 少年 女孩 男孩 女童 男童 婴儿 嬰兒 未成年 小学生 小學生 中学生 中學生
    萝莉 蘿莉 正太
""")
"""Words for people under 18."""

EXPLICIT = _words("""
    sex sexual sexually sexualized sexualised porn porno pornographic pornography hentai nsfw xxx orgasm
    orgy
    masturbate masturbating masturbation penis vagina vulva genitals genitalia blowjob fellatio cunnilingus
    sexual_intercourse ahegao rule34

    porno pornografie pornografisch geschlechtsverkehr masturbieren genitalien

    pornographie pornographique sexuel sexuelle rapport_sexuel masturbation vagin

    sexo pornografía pornográfico pornográfica sexual vagina pene masturbación

    pornografia pênis masturbação

    sesso sessuale pornografico pornografica masturbazione

    seks seksueel pornografisch

    seks seksualny seksualna pornografia pornograficzny pornograficzna

    секс сексуальный сексуальная порно порнография порнографический хентай мастурбация

    セックス ポルノ 性行為 性交 性器 エロ エッチ アヘ顔 変態

    섹스 포르노 야동 성관계 성행위 성기 야한

    性交 性行为 性行為 性爱 性愛 色情 情色 淫
""")
"""Words for sexual acts and what shows them."""

NAKED = _words("""
    nude nudes nudity naked nakedness topless unclothed undressed undressing striptease
    without_clothes without_clothing without_any_clothes wearing_nothing no_clothes bare_breasts
    bare_chested

    nackt nackte nackter nacktes nackten nacktheit unbekleidet ohne_kleidung ohne_kleider oben_ohne

    nue nues nudité déshabillé déshabillée sans_vêtements seins_nus

    desnudo desnuda desnudos desnudas desnudez sin_ropa

    nudez despido despida sem_roupa sem_roupas

    nuda nudi nudità senza_vestiti spogliata spogliato

    naakt naakte naaktheid zonder_kleren

    nagość rozebrana rozebrany bez_ubrania bez_ubrań

    голый голая голые голую обнаженный обнаженная обнаженные обнаженную нагой нагая без_одежды раздетая
    раздетый

    裸体 全裸 裸婦 半裸 真っ裸 素っ裸 はだか ヌード 裸の 裸で

    나체 누드 알몸 벌거벗은 전라 발가벗은

    裸体 裸體 裸照 全裸 半裸 赤裸 裸露 裸女 裸男 没穿衣服 沒穿衣服
""")
"""Words for naked people."""

SUGGESTIVE = _words("""
    sexy erotic erotica nipple breasts boob bottomless seductive seductively lingerie bondage fetish horny
    aroused
    stripper upskirt lewd intercourse nu nus nude_scene

    erotisch erotische reizwäsche brüste dessous

    érotique sensuelle dénudé dénudée seins lingerie fétiche

    erótico erótica pechos lencería sensual

    seios lingerie pelado pelada

    erotico erotica seno lingerie sensuale nudo

    erotisch borsten

    erotyczny erotyczna erotyka piersi nagi naga nago nagie pochwa bielizna seksowna

    эротика эротический эротическая грудь соски белье сексуально

    セクシー 官能的 下着姿 性的 乳首 おっぱい 巨乳 ランジェリー

    섹시 섹시한 에로틱 속옷 가슴골 유두 란제리

    性感 乳头 乳頭 内衣 內衣 情趣 挑逗 诱惑 誘惑
""")
"""Words that are harmless beside grown-ups in most places, and never beside children."""

SEXUAL = EXPLICIT | NAKED | SUGGESTIVE
"""What never stands beside a word of ``MINORS``."""

CLOTHES = _words("""
    clothes clothing clothed garments underwear
    kleidung kleider unterwäsche vêtements habits ropa roupa roupas vestiti kleding kleren
    ubrania ubranie одежда одежды 服 衣服 옷 의복 衣物
""")
"""Words that make a picture sexual when they are excluded."""

GROWN = _words("""
    adult adults mature grown-up grownup
    erwachsen erwachsene erwachsener erwachsenen adulte adultes adulto adulta adultos adultas volwassen
    volwassene dorosły dorosła dorośli взрослый взрослая взрослые 大人 成人 成年 어른 성인
""")
"""Words that make a picture one of minors when they are excluded."""

FINE = _words("""
    naked_mole_rat naked_mole_rats naked_eye naked_neck naked_tree naked_trees naked_branches
    naked_singularity
    naked_juice naked_flame
    nude_lipstick nude_lips nude_nails nude_heels nude_pumps nude_colour nude_color nude_tones nude_palette
    sex_and_the_city same_sex opposite_sex battle_of_the_sexes
    topless_car
""")
"""Phrases that hold a word of ``EXPLICIT`` or ``NAKED`` and mean nothing by it."""
