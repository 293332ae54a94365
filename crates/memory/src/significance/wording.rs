//! Words that the rules know: what business correspondence in English and Spanish is made of, and
//! what somebody says who wants to be remembered. All are in small letters, without accents.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Words to look up.
pub(super) type Words = LazyLock<HashSet<&'static str>>;

fn words(text: &'static str) -> HashSet<&'static str> {
    text.split_whitespace().collect()
}

/// Words that English sentences are made of, without accents. A passage with few of them is one that the
/// rules do not read.
pub(super) static ENGLISH: Words = LazyLock::new(|| {
    words(
        "re fwd fw hi eur usd gbp euro euros dollars pounds a about access account accounts add \
        address advertising afraid after afternoon afterwards again against ages ago agree \
        agreed aisle all almost along already also altogether always am an and another another's \
        answer answered answers any anyone anything anywhere apart app approval approve april \
        are area aren't around arrived arrives as ask asked asking asks at august automatic away \
        back backup bad badges bay be because been before behind belong better between bit \
        booked borrow boss both box boxes bring brings brought browser budget building busy but \
        by cable calendar call called came can can't cancel candidates cannot capacity car card \
        carrier case ceiling cellar centre certain certificate chairs change changed changes \
        chapter charge cheaper check checked checking checks cheers claim clean closes coffee \
        come comes coming company complaints compressor confirmation contract contracts copier \
        copy corner corners corridor cost costs could couldn't counted counting course cover \
        crate cupboard customer customers customs data date day days dear december decide delete \
        delivered deliveries delivery department desk details did didn't difference different \
        differently discount disk do does doesn't doing don't done double doubles down draft \
        drawing drawings drive due each early easy eat eight either electric else empty end \
        ended enough enquiry entrance even ever every everyone everyone's everything example \
        except exit expenses explain extra failed far fast fault february few fewer figures file \
        files fill filled final find findings fine finished first fit fits five floor folder for \
        forklift form found fourth fresh friday from garage get gets give given gives glad go \
        goes going gone good goods got great grey had half handover happened happens happy has \
        hasn't have haven't he he's headrest hear heard hello help helped helps her here here's \
        hey him his hope hotel hour hours how how's i i'd i'll i'm i've idea if in inspection \
        inspector installation instead insurance into invoice is isn't it it's its january job \
        july june just know knows ladder laptop last late later latest leave left less let let's \
        letting line lines list live load loading login long longer look looked looking looks \
        lot lunch made mail mailbox maintenance make makes manager manual many march material \
        may maybe me mean means meant meanwhile meat meeting middle mine minute minutes missed \
        missing mobile monday money monitors month more morning mostly move moved moving much my \
        name names nearly need needed needs neither never new news newsletter newsletters next \
        nice nine no nobody normal not noted nothing notice noticed november now number numbers \
        nuts october odd of off offer offered office ok okay on once one ones only open opened \
        or order ordered orders organised organisers other others otherwise our ours out over \
        own pack packing page pages paid pallet paper papers parcel parking part parts party \
        pass passed pay payslip pdf people per percent perfect perhaps permission person phone \
        phones photo photos piece pieces places plan planned planning plans please possible post \
        practical pressure price prices printed printer private problem problems production \
        proper pump put question questions quickly quiet quite quote racks rather read reads \
        ready really reason receipt regards renew renewal repair report reports request rest \
        restarted result return returns review right room rooms round run running runs said \
        sales same samples saturday saw say says scanned school screen search second see seen \
        send sending sends sent sentences september serious server seven shared she she's sheet \
        shelves shelving shift short should shouldn't shredded side sign signed since sit six \
        sizes slides small so software some somebody somehow someone something sometime \
        somewhere soon sorry sorted space spaces spare speaks spent spoke staff standing start \
        started starts stayed steps sticker still stock stop stopped such suggestion sunday \
        supplier sure swap table tablets take taken takes talk talked talking tall tape taxi \
        team technical tell ten test than thank thanks that that's the their theirs them then \
        there there's these they they'd they'll they're they've thick thing things think thinner \
        third this those though thought through thursday time times title to today told tomorrow \
        too took total tracking training translation translator travel trial trip trolley try \
        tuesday turn twenty twice two under understand unless unread until up update us use used \
        user using usual vegetarian version versions very visit visitors wait waiting want wants \
        warehouse warranty was wasn't way we we'd we'll we're we've web website wednesday week \
        weekend weeks welcome well went were what what's when where whether which while who \
        who's why will window with within without won't work working works workshop would \
        wouldn't write writes writing written wrong wrote xlsx year year's yearly years yes \
        yesterday yet you you'll you're you've your yours",
    )
});

/// The same of Spanish.
pub(super) static SPANISH: Words = LazyLock::new(|| {
    words(
        "re rv fwd eur euro euros buenos buenas a abono abril acabo acceso acuerdo ademas aduana \
        agosto ahi ahora al albaran algo alguien algun alguna alguno alli almacen altas ano anos \
        ante anterior antes anual aparcamiento apenas apunto aqui asi atasca aunque avisame \
        avisar aviso ayuda baja barata bastante bien billetes bkp buena bueno buzon cabe cada \
        caduca cafe caja cajas cambia cambiado cambiar cambio campos cantoneras cargador carpeta \
        carpetas casi centralita cerrar certificado chaleco cierto cinco cliente coche comida \
        como comprobar con contando contesta contestado contestar contrato copia correo cosa \
        cosas cual cuales cuando cuanto cuarta cuatro cuenta curriculos curso da dar datos de \
        debe deberia decir decirme deja del delante demas dentro departamento descuento desde \
        desglose despues detras devoluciones dia dias dice dices dicho diciembre diez digo dijo \
        dio domingo donde dos duda dudas el ella ellos embalaje empieza empiezan empresa en \
        encargo enero enseguida entonces entra entrada entre entrega entrevistas enviado enviar \
        envio equipo era eran error es esa esas escalera escribimos escribir escribo escrito ese \
        eso esos esperar espero esta estaba estamos estan estar estas este esto estoy etiqueta \
        evacuacion explicacion facil factura falta faltan favor febrero fecha fechas feria ficha \
        fin final finales firma firmado forma formulario foto fotos fue fuera fueron funciona \
        gente gracias grupos gustaria ha haber habia hace hacen hacer hacerlo hacia hago han \
        haria hasta hay haya he hecho hemos hoja hola hora horas hotel hoy idea igual imagen \
        impresora imputar informe inspeccion inventados jueves julio junio la lado las le lento \
        les libre lineas lio lista listo llamado llamar llamo llega llegado llegamos llegar \
        lleva llevan llevo lo los luego lunes mal manana mandado mandar mando maquina marcha \
        martes marzo mas material mayo me media medica mejor menos mes mesa mi mia mientras \
        miercoles minuto minutos mio mirado mirar miro mis misma mismo mitad motivo movil muchas \
        mucho muchos muelle muestras muy nada nadie necesitas necesito ni ningun ninguna no \
        noche nombre nos nosotros noticias novedad noviembre nuestra nuestras nuestro nuestros \
        nueva nuevo numero numeros nunca o ocho octubre oferta oficina otra otras otro otros \
        pagar paginas pago pale pantalla paquete para parece parte partes partir pasa pasado \
        pasamos pasar pasas pasillo paso pdf pedido pedidos pedir pendiente perfecto permiso \
        pero persona personas pide piden pido piezas planta plazo poco podemos poder podria \
        podrias por porque portatil posible precio prefiero pregunta preguntado preguntas \
        pregunto preparar preparo presupuesto primera primero prisa problema problemas pronto \
        proveedor prueba puede pueden puedes puedo pues puesto que queda quedan queja quien \
        quiere quieren quiero quisiera recepcion recibida reclamacion rellenarlo renting reservo \
        respuesta resto retrasado retraso reunion revisado revisar revision reviso sabado sabe \
        saber saberlo sala sale salen salida salir saludos se sea seguimos segun segunda segundo \
        seguridad seis semana semanas septiembre ser sera seria serviria si siempre siete sigue \
        siguiente simulacro sin sino sitio sobre sola solo somos son soy su sus suyo tablas tal \
        taller tambien tampoco tan tanto tarde tardes tarifa tarjeta te telefono temprano \
        tenemos tener tengo tercera tercero termina tiene tienen tienes titulacion toca toda \
        todas todo todos tren tres trimestre tu tus tuyo ultima un una unas unidades uno unos \
        usar usted va vacaciones vale vamos van veces veo ver verdad version vez viaje viene \
        viernes visita visto voy vpn vuelta vuelve vuestra web xlsx y ya yo zona",
    )
});

/// Something has to be done by a time.
pub(super) static DEADLINE: Words = LazyLock::new(|| {
    words("deadline due overdue expires expire cutoff plazo vence vencimiento caduca limite")
});

/// Something was settled between people.
pub(super) static DECISION: Words = LazyLock::new(|| {
    words(
        "agreed agree agreement approve approved approval confirm confirmed contract decided \
        decision decide signed accepted acepta aceptado acordado acordamos acuerdo aprobada \
        aprobado confirmado confirmo contrato decidido firmado",
    )
});

/// Something went wrong.
pub(super) static INCIDENT: Words = LazyLock::new(|| {
    words(
        "breach compromised crashed failure incident leak leaked offline outage stolen averia \
        brecha caida caido fallo incidente robado",
    )
});

/// What goes down besides hosts. Prices and people do so too.
pub(super) static GOES_DOWN: Words = LazyLock::new(|| {
    words(
        "server servers site website network system service mail email internet vpn line \
        connection database printer printers phone phones router switch firewall backup intranet \
        portal servidor red sistema web",
    )
});

/// What turns a decision into one that is asked for.
pub(super) static ASKS_FOR: Words = LazyLock::new(|| {
    words(
        "please can could would will should shall may might if whether need needs want wants \
        waiting before until unless por favor puedes puede podrias podria si falta necesito \
        hasta",
    )
});

/// How words begin that a plea to be kept is made of, in English and in Spanish, without accents:
/// remembering and keeping, ranking, mattering, lasting, and what a machine is told.
pub(super) const PLEA_STEMS: &[&str] = &[
    "apprais",
    "atesor",
    "bookmark",
    "calific",
    "carv",
    "categor",
    "cherish",
    "classif",
    "conserv",
    "critic",
    "crucial",
    "decisiv",
    "deserv",
    "disappear",
    "discard",
    "disregard",
    "engrav",
    "eras",
    "esencial",
    "essential",
    "etch",
    "eterna",
    "eternit",
    "eterno",
    "evalu",
    "evaluat",
    "everlast",
    "exception",
    "extraordin",
    "fateful",
    "foremost",
    "forget",
    "forgot",
    "fundament",
    "grabal",
    "grabar",
    "grad",
    "histor",
    "ignor",
    "imagin",
    "imborr",
    "immortal",
    "importan",
    "imprint",
    "indefinit",
    "indelib",
    "indispens",
    "inolvid",
    "inscri",
    "instruct",
    "irrevoc",
    "landmark",
    "lifelong",
    "manten",
    "manteng",
    "maxim",
    "memor",
    "memoria",
    "memoriz",
    "milestone",
    "momentous",
    "obey",
    "oblivi",
    "olvid",
    "outrank",
    "outweigh",
    "overrid",
    "overshadow",
    "paramount",
    "perpetu",
    "pivotal",
    "preserv",
    "pretend",
    "prevail",
    "prioridad",
    "priorit",
    "privileg",
    "puntu",
    "rating",
    "recall",
    "recollect",
    "record",
    "recuerd",
    "relevan",
    "relevante",
    "remember",
    "remind",
    "retain",
    "reteng",
    "retention",
    "safeguard",
    "scor",
    "signific",
    "stash",
    "supersed",
    "suppos",
    "supreme",
    "trascend",
    "treasur",
    "unforget",
    "utmost",
    "vanish",
    "vital",
];

/// The same as whole words.
pub(super) static PLEA_WORDS: Words = LazyLock::new(|| {
    words(
        "hold holds holding held stay staying stays stick sticks stuck lasting lasts lose loses \
        losing lost fade fades flag tag pin pins mind minds linger lingers remain remains top \
        high higher highest above upper greatest biggest largest larger max peak rank ranks \
        ranked rate rates rated mark marks marked level levels tier scale class weigh weighs \
        weight weighty heavy heaviest worth worthy value valued merit merits earn judge judges \
        judged judging judgement assess count counts matters key grave sacred holy special \
        unique always never ever evermore forever eternal permanent permanently lifetime decade \
        decades century outlive outlives outlast survive survives life reader readers whoever \
        whomever assistant model robot bot ai llm prompt prompts treat treated consider \
        considered deem regarded trust trusted doubt recite verdict prior urgent pressing \
        siempre nunca jamas clave mente nivel peso pesa hito lector regla reglas quienquiera \
        guarda guardalo guardala guarde guardar guarden encima vida",
    )
});

/// Those that plain correspondence is full of.
pub(super) static WEAK_PLEA_WORDS: Words = LazyLock::new(|| {
    words(
        "3 three tres triple number numero answer answers responde contesta triple puts digit most give gave given everything anyone anybody everybody everyone \
        place great rule rules entry keep keeps keeping kept save saved archive log record store \
        set choose pick drop drops respond reply repeat output print huge greater least full \
        whole true truth fact word words nadie perder pierdas nota punto",
    )
});

/// Words that point at the text, at its reader, or at what was just said.
pub(super) static POINTING: Words = LazyLock::new(|| {
    words(
        "this it these those that one mail mails email message messages note notes text letter \
        item thing memory matter event moment here following present what you your yours \
        yourself esto este esta estos eso lo correo mensaje carta nota aquello tu te usted le",
    )
});

/// Words for the text itself.
pub(super) static SELF: Words = LazyLock::new(|| {
    words(
        "this these mail email mails message messages note letter text passage paragraph sentence \
        line lines memory entry item summary following here esto este correo mensaje carta",
    )
});

/// What a passage begins with that tells its reader how to take it.
pub(super) static BEGINNINGS: Words = LazyLock::new(|| {
    words(
        "note nota ps important importante attention atencion warning aviso urgent urgente rule \
        rules regla reglas task tarea output answer respuesta response reason motivo context \
        contexto operator admin administrator administrador moderator root priority prioridad",
    )
});

/// What a text may call itself.
pub(super) static TEXTS: Words = LazyLock::new(|| {
    words(
        "mail mails email emails message messages note letter line lines text words passage \
        paragraph sentence entry memory record correo mensaje carta nota texto palabras lineas \
        linea",
    )
});

/// Words that correspondence has no use for: about scores that memories get, and about models.
pub(super) static SCORER_WORDS: Words = LazyLock::new(|| {
    words(
        "score scores scored scorer scorers scoring rescore unscored pivotal unpin autopin \
        jailbreak llm llms gpt chatgpt chatbot chatbots openai anthropic devmode base64 rot13 \
        json yaml xml sudo",
    )
});

/// Words that are in order one at a time. Three different ones in one sentence are not.
pub(super) static PRESSING_WORDS: Words = LazyLock::new(|| {
    words(
        "three tres always siempre never nunca forget remember ignore forever permanently \
        permanent maximum highest utmost crucial critical vital essential important importante \
        urgent urgente unforgettable immediately absolutely extremely significant significance \
        priority rank rate grade evaluate judge assess disregard override instructions memory \
        memories retain milestone previous treat",
    )
});

/// Whether a word is one of business that both languages of the rules know.
pub(super) fn is_of_matter(word: &str) -> bool {
    [&DEADLINE, &DECISION, &INCIDENT]
        .iter()
        .any(|list| list.contains(word))
}

/// What is said to a machine, or about being remembered, whatever stands around it. In small letters,
/// without accents, whole words.
pub(super) const PHRASES: &[&str] = &[
    "as an ai",
    "an ai model",
    "from now on you",
    "you are now a",
    "you will now",
    "your verdict",
    "new rules",
    "developer mode",
    "debug mode",
    "god mode",
    "dan mode",
    "do anything now",
    "system message",
    "system prompt",
    "full marks",
    "top marks",
    "best mark",
    "highest mark",
    "top grade",
    "highest grade",
    "highest score",
    "maximum score",
    "top of the scale",
    "out of three",
    "3/3",
    "0 to 3",
    "from zero to three",
    "a three",
    "tier 3",
    "un tres",
    "sobre tres",
    "de 0 a 3",
    "nota maxima",
    "maxima nota",
    "matricula de honor",
    "never forget",
    "must not forget",
    "never be forgotten",
    "not be forgotten",
    "for all time",
    "for all eternity",
    "always remember",
    "remember forever",
    "remember this for",
    "nunca olvid",
    "recuerda siempre",
    "end of data",
    "end of memory",
    "end of narrative",
    "fin de los datos",
    "previous instructions",
    "earlier instructions",
    "prior instructions",
    "instrucciones anteriores",
    "all previous",
    "this memory",
    "this entry is",
    "este recuerdo",
    "dear machine",
    "dear model",
    "querido modelo",
    "whoever reads this",
    "attention reader",
    "pin this memory",
    "pin this mail",
    "pin this message",
    "score this",
    "rate this",
    "grade this",
    "engrave this",
    "burn into your",
];
